//! TLS configurations out of certificates in PEM. The cryptography is `ring`'s, whatever others set.

use super::store::Material;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::fmt;
use std::sync::Arc;

/// Who may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Everybody: the API server does not show a certificate to webhooks.
    Any,
    /// Only who has a certificate of our authority.
    Ours,
}

/// A certificate or key cannot be used.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificate cannot be used: {}", self.0)
    }
}

impl std::error::Error for TlsError {}

/// For a server, speaking HTTP/2 and HTTP/1.1.
///
/// # Errors
/// When the certificate or its key cannot be read.
pub fn server_config(material: &Material, clients: Clients) -> Result<ServerConfig, TlsError> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let builder = match clients {
        Clients::Any => builder.with_no_client_auth(),
        Clients::Ours => {
            let roots = Arc::new(roots(&material.bundle)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            builder.with_client_cert_verifier(verifier.build().map_err(failed)?)
        }
    };
    let (chain, key) = pair(material)?;
    let mut config = builder.with_single_cert(chain, key).map_err(failed)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// For a client of our own servers, with its own certificate.
///
/// # Errors
/// When the certificate or its key cannot be read.
pub fn client_config(material: &Material) -> Result<ClientConfig, TlsError> {
    let (chain, key) = pair(material)?;
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(roots(&material.bundle)?)
        .with_client_auth_cert(chain, key)
        .map_err(failed)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn pair(
    material: &Material,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(material.certificate.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(material.key.as_bytes()).map_err(failed)?;
    Ok((chain.map_err(failed)?, key))
}

fn roots(bundle: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        let certificate = certificate.map_err(failed)?;
        roots.add(certificate).map_err(failed)?;
    }
    Ok(roots)
}

fn failed(error: impl fmt::Display) -> TlsError {
    TlsError(error.to_string())
}
