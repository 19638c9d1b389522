//! Making an authority, and signing with it.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Clocks of machines differ: what is made now is valid since an hour ago.
const SKEW_S: u64 = 3_600;

/// A certificate with its key, and the right to sign others.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: String,
    /// When it was made, in seconds since 1970.
    pub made: i64,
    /// When it ends.
    pub ends: i64,
}

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The Secret that holds it.
    pub secret: String,
    /// Whom it names.
    pub common_name: String,
    /// Host names and addresses under which it serves; none for one that is only a client's.
    pub names: Vec<String>,
}

/// A signed certificate with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: String,
    /// When it ends, in seconds since 1970.
    pub ends: i64,
}

/// A certificate could not be made.
#[derive(Debug)]
pub struct SignError(rcgen::Error);

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a certificate cannot be made: {}", self.0)
    }
}

impl std::error::Error for SignError {}

impl From<rcgen::Error> for SignError {
    fn from(error: rcgen::Error) -> SignError {
        SignError(error)
    }
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn make(now: i64, lifetime_s: i64) -> Result<Authority, SignError> {
        let ends = now.saturating_add(lifetime_s);
        let mut parameters = authority_parameters();
        set_term(&mut parameters, now, ends);
        let key = KeyPair::generate()?;
        let certificate = parameters.self_signed(&key)?;
        Ok(Authority {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            made: now,
            ends,
        })
    }

    /// Signs a new certificate with a new key. It does not outlast the authority.
    ///
    /// # Errors
    /// When the authority's key cannot be read, or a name is none.
    pub fn issue(&self, profile: &Profile, now: i64, lifetime_s: i64) -> Result<Issued, SignError> {
        let ends = now.saturating_add(lifetime_s).min(self.ends);
        let mut parameters = CertificateParams::new(profile.names.clone())?;
        parameters.distinguished_name = named(&profile.common_name);
        parameters.use_authority_key_identifier_extension = true;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !profile.names.is_empty() {
            let server = ExtendedKeyUsagePurpose::ServerAuth;
            parameters.extended_key_usages.push(server);
        }
        set_term(&mut parameters, now, ends);
        let issuer = Issuer::new(authority_parameters(), KeyPair::from_pem(&self.key)?);
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            ends,
        })
    }
}

/// What all our authorities have in common; the issuer of a certificate is made from it again.
fn authority_parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = named("leasehold-authority");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn set_term(parameters: &mut CertificateParams, now: i64, ends: i64) {
    let at = |seconds: u64| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let now = u64::try_from(now).unwrap_or(0);
    parameters.not_before = at(now.saturating_sub(SKEW_S));
    parameters.not_after = at(u64::try_from(ends).unwrap_or(0));
}
