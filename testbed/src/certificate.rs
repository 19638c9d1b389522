//! The cluster's certificate authority and what it signs.

use crate::error::Error;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use std::path::{Path, PathBuf};

/// Signs the certificates of one cluster.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PKCS #8 in PEM.
    pub key: PathBuf,
}

impl Authority {
    /// A new one, which writes what it signs into `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Authority, Error> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        params.distinguished_name = named("leasehold-testbed");
        let issuer = CertifiedIssuer::self_signed(params, new_key()?).map_err(refused)?;
        let authority = Authority {
            issuer,
            folder: folder.into(),
        };
        write(&authority.certificate(), &authority.issuer.pem())?;
        Ok(authority)
    }

    /// The authority's own certificate, which clients and the API server trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// For a server on this machine, and for a client that has to show one.
    pub(crate) fn issue(&self, name: &str) -> Result<CertificateFiles, Error> {
        let hosts = [
            "127.0.0.1",
            "10.0.0.1",
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ];
        let hosts: Vec<String> = hosts.map(String::from).into();
        let mut params = CertificateParams::new(hosts).map_err(refused)?;
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.distinguished_name = named(name);
        self.sign(name, params)
    }

    /// A key pair to sign service accounts' tokens with, its public half in the place of the certificate.
    pub(crate) fn service_account_key(&self) -> Result<CertificateFiles, Error> {
        let key = new_key()?;
        let files = self.files("service-account");
        write(&files.certificate, &key.public_key_pem())?;
        write(&files.key, &key.serialize_pem())?;
        Ok(files)
    }

    fn sign(&self, file: &str, mut params: CertificateParams) -> Result<CertificateFiles, Error> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(refused)?;
        let files = self.files(file);
        write(&files.certificate, &certificate.pem())?;
        write(&files.key, &key.serialize_pem())?;
        Ok(files)
    }

    fn files(&self, name: &str) -> CertificateFiles {
        CertificateFiles {
            certificate: self.folder.join(format!("{name}.crt")),
            key: self.folder.join(format!("{name}.key")),
        }
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn new_key() -> Result<KeyPair, Error> {
    KeyPair::generate().map_err(refused)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    crate::file::write_private(path, text)
}

fn refused(error: rcgen::Error) -> Error {
    Error::Other(format!("cannot make a certificate: {error}"))
}
