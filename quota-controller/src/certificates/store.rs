//! The Secrets: read, renewed when it is time, written by compare-and-swap.

use super::authority::{Authority, Issued, Profile, SignError};
use super::file::{self, AUTHORITY_SECRET, Made};
use super::rotation::{Authorities, Lifetimes};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// So often a write is tried again when somebody else wrote in between. Each of them ends with somebody's
/// success, and there are as many writers as replicas.
const ATTEMPTS: u32 = 8;

/// So often the Secrets are looked at, in seconds: four small reads. It bounds for how long a replica serves a
/// certificate that another has renewed, or goes on without a Secret that was deleted.
const LOOK_S: u64 = 60;

/// What a program needs to serve and to call.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    /// The certificates that are trusted, PEM.
    pub bundle: String,
    /// The program's own certificate, PEM.
    pub certificate: String,
    /// Its key, PEM.
    pub key: String,
    /// When the own certificate ends, in seconds since 1970; unknown if somebody else made it.
    pub ends: Option<i64>,
}

/// Certificates could not be read, made or stored.
#[derive(Debug)]
pub enum CertificateError {
    /// The API server refused, or was not reached.
    Api {
        /// The Secret.
        secret: String,
        /// Why.
        error: kube::Error,
    },
    /// Others wrote in between, every time.
    Contended {
        /// The Secret.
        secret: String,
    },
    /// The Secret is somebody else's and lacks what is needed.
    Incomplete {
        /// The Secret.
        secret: String,
        /// What has to be there.
        needs: &'static str,
    },
    /// A certificate could not be made.
    Sign(SignError),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateError::Api { secret, error } => write!(f, "Secret {secret}: {error}"),
            CertificateError::Contended { secret } => write!(
                f,
                "Secret {secret}: others wrote it {ATTEMPTS} times while it was to be renewed"
            ),
            CertificateError::Incomplete { secret, needs } => write!(
                f,
                "Secret {secret} was not made by quota-controller and lacks {needs}; add it, or delete the Secret to \
                 have it made"
            ),
            CertificateError::Sign(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CertificateError {}

impl From<SignError> for CertificateError {
    fn from(error: SignError) -> CertificateError {
        CertificateError::Sign(error)
    }
}

/// The certificates of an installation.
#[derive(Clone)]
pub struct Store {
    api: Api<Secret>,
    lifetimes: Lifetimes,
    /// The first is the own one.
    profiles: Vec<Profile>,
}

impl Store {
    /// In this namespace. `profiles` are the certificates that are kept, the program's own one first.
    pub fn new(
        client: Client,
        namespace: &str,
        lifetimes: Lifetimes,
        profiles: Vec<Profile>,
    ) -> Store {
        Store {
            api: Api::namespaced(client, namespace),
            lifetimes,
            profiles,
        }
    }

    /// Reads all, renews what is due, and returns what the program itself needs.
    ///
    /// # Errors
    /// When a Secret can neither be read nor made.
    pub async fn refresh(&self, now: i64) -> Result<Material, CertificateError> {
        let authority = self
            .change(AUTHORITY_SECRET, |found| {
                // Somebody else's authority signs by other means.
                if found.is_some_and(|found| file::authorities(found).is_none()) {
                    return Ok(None);
                }
                let mut authorities = found.and_then(file::authorities).unwrap_or_default();
                let changed = authorities.advance(now, &self.lifetimes)?;
                Ok(changed.then(|| file::authority_secret(&authorities, found)))
            })
            .await?;
        let authorities = file::authorities(&authority).unwrap_or_default();
        let bundle = file::bundle(&authority).ok_or(CertificateError::Incomplete {
            secret: AUTHORITY_SECRET.into(),
            needs: "ca.crt",
        })?;
        let signer = authorities.signer(now, &self.lifetimes);
        let mut own = None;
        for profile in &self.profiles {
            let material = self.certificate(profile, signer, &bundle, now).await?;
            own.get_or_insert(material);
        }
        own.ok_or(CertificateError::Incomplete {
            secret: AUTHORITY_SECRET.into(),
            needs: "a certificate to sign",
        })
    }

    async fn certificate(
        &self,
        profile: &Profile,
        signer: Option<&Authority>,
        bundle: &str,
        now: i64,
    ) -> Result<Material, CertificateError> {
        let secret = self
            .change(&profile.secret, |found| {
                let made = found.and_then(file::made);
                let Some(signer) = signer else {
                    return Ok(None);
                };
                if found.is_some() && made.is_none() {
                    return Ok(None);
                }
                let is_good = made.as_ref().is_some_and(|made| {
                    made.names == profile.names
                        && made.issuer_made == signer.made
                        && !Authorities::is_due(made.ends, now, &self.lifetimes)
                });
                let pair = found.and_then(file::pair).filter(|_| is_good);
                if pair.is_some() && found.and_then(file::bundle).as_deref() == Some(bundle) {
                    return Ok(None);
                }
                // Only what is trusted changed: the certificate itself may stay.
                let issued = match (pair, &made) {
                    (Some((certificate, key)), Some(made)) => Issued {
                        certificate,
                        key,
                        ends: made.ends,
                    },
                    _ => signer.issue(profile, now, self.lifetimes.certificate_s)?,
                };
                let made = Made {
                    names: profile.names.clone(),
                    issuer_made: signer.made,
                    ends: issued.ends,
                };
                let secret = file::certificate_secret(profile, &issued, &made, bundle, found);
                Ok(Some(secret))
            })
            .await?;
        let (certificate, key) = file::pair(&secret).ok_or(CertificateError::Incomplete {
            secret: profile.secret.clone(),
            needs: "tls.crt and tls.key",
        })?;
        Ok(Material {
            bundle: file::bundle(&secret).unwrap_or_else(|| bundle.into()),
            certificate,
            key,
            ends: file::made(&secret).map(|made| made.ends),
        })
    }

    /// Reads a Secret, writes what `wanted` makes of it unless that is nothing, and returns what is stored then.
    /// A write after somebody else's is refused by the API server; then all begins again with theirs.
    async fn change(
        &self,
        name: &str,
        wanted: impl Fn(Option<&Secret>) -> Result<Option<Secret>, SignError>,
    ) -> Result<Secret, CertificateError> {
        let failed = |error| CertificateError::Api {
            secret: name.into(),
            error,
        };
        for _ in 0..ATTEMPTS {
            let found = self.api.get_opt(name).await.map_err(failed)?;
            let secret = match (wanted(found.as_ref())?, found) {
                (None, Some(found)) => return Ok(found),
                (None, None) => {
                    return Err(CertificateError::Incomplete {
                        secret: name.into(),
                        needs: "everything: it is not there, and leasehold-authority is not ours to sign with",
                    });
                }
                (Some(secret), found) => (secret, found.is_some()),
            };
            let written = match secret {
                (secret, true) => {
                    let name = secret.name_any();
                    self.api
                        .replace(&name, &PostParams::default(), &secret)
                        .await
                }
                (secret, false) => self.api.create(&PostParams::default(), &secret).await,
            };
            match written {
                Ok(written) => return Ok(written),
                // Written, made or deleted by somebody in between.
                Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(CertificateError::Contended {
            secret: name.into(),
        })
    }

    /// Looks at the Secrets for ever, and tells `material` when the program's own ones changed. What is in use
    /// stays in use while the API server cannot be reached.
    pub async fn keep(self, material: watch::Sender<Arc<Material>>) {
        // A third of a certificate is left when it is renewed; ten looks in that time are enough for any life.
        let of_life = u64::try_from(self.lifetimes.certificate_s / 30).unwrap_or(0);
        let pause = Duration::from_secs(of_life.clamp(1, LOOK_S));
        loop {
            tokio::time::sleep(pause).await;
            match self.refresh(jiff::Timestamp::now().as_second()).await {
                Ok(fresh) => {
                    material.send_if_modified(|known| {
                        let changed = **known != fresh;
                        if changed {
                            tracing::info!(ends = ?fresh.ends, "certificate renewed");
                            *known = Arc::new(fresh);
                        }
                        changed
                    });
                }
                Err(error) => tracing::warn!(%error, "certificates cannot be kept"),
            }
        }
    }
}
