//! The files of a server's certificate and what is made of them.

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a server's certificate is, and whom it lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFiles {
    /// The certificate and those above it, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
    /// Clients must show a certificate that is signed by one of these, in PEM. Absent: none is asked for.
    pub client_authorities: Option<PathBuf>,
}

/// What cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    file: PathBuf,
    problem: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.problem)
    }
}

impl std::error::Error for TlsError {}

/// A configuration, and the text of the files that it was made of.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// For the server.
    pub config: Arc<ServerConfig>,
    pub(crate) texts: Vec<Vec<u8>>,
}

fn problem(file: &Path) -> impl FnOnce(String) -> TlsError {
    let file = file.to_path_buf();
    move |problem| TlsError { file, problem }
}

impl ServerFiles {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.certificate, &self.key]
            .into_iter()
            .chain(&self.client_authorities)
    }

    /// What is in the files now.
    pub(crate) fn texts(&self) -> Result<Vec<Vec<u8>>, TlsError> {
        let read = |path: &PathBuf| {
            std::fs::read(path)
                .map_err(|error| error.to_string())
                .map_err(problem(path))
        };
        self.paths().map(read).collect()
    }

    /// Reads the files. `protocols` are offered to the client in this order (ALPN).
    ///
    /// # Errors
    /// A file that is not there, or does not hold what it should.
    pub fn load(&self, protocols: &[&str]) -> Result<Loaded, TlsError> {
        let texts = self.texts()?;
        let chain = certificates(&self.certificate, &texts[0])?;
        let key = PrivateKeyDer::from_pem_slice(&texts[1])
            .map_err(|error| format!("it holds no private key in PEM: {error}"))
            .map_err(problem(&self.key))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())
            .map_err(problem(&self.certificate))?;
        let builder = match (&self.client_authorities, texts.get(2)) {
            (Some(file), Some(text)) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(file, text)? {
                    roots
                        .add(authority)
                        .map_err(|error| error.to_string())
                        .map_err(problem(file))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| error.to_string())
                        .map_err(problem(file))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key do not go together: {error}"))
            .map_err(problem(&self.certificate))?;
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Ok(Loaded {
            config: Arc::new(config),
            texts,
        })
    }
}

fn certificates(file: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(problem(file)("it holds no certificate in PEM".to_owned())),
        Err(error) => Err(problem(file)(error.to_string())),
    }
}
