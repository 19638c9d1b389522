//! How certificates lie in Secrets.

use super::authority::{Issued, Profile};
use super::rotation::Authorities;
use api::names;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The authorities, with their keys. Nobody but the controller reads it.
pub const AUTHORITY_SECRET: &str = "leasehold-authority";

/// The controller's certificate: webhooks, gRPC, replicas among themselves.
pub const CONTROLLER_SECRET: &str = "quota-controller-tls";

/// The plugin's: the extender's HTTPS, and its client side towards the controller.
pub const PLUGIN_SECRET: &str = "scheduler-plugin-tls";

/// The scheduler's client certificate towards the extender.
pub const CLIENT_SECRET: &str = "kube-scheduler-client-tls";

/// On a certificate's Secret: that it is ours, and what it was made for.
const ANNOTATION: &str = "leasehold.dev/certificate";

const AUTHORITIES: &str = "authorities.json";
const BUNDLE: &str = "ca.crt";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// What our annotation tells of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    pub names: Vec<String>,
    pub issuer_made: i64,
    pub ends: i64,
}

/// The authorities in a Secret; `None` if it is somebody else's or cannot be read.
pub(super) fn authorities(secret: &Secret) -> Option<Authorities> {
    serde_json::from_str(&text(secret, AUTHORITIES)?).ok()
}

/// The certificates that are trusted.
pub(super) fn bundle(secret: &Secret) -> Option<String> {
    text(secret, BUNDLE)
}

/// Certificate and key.
pub(super) fn pair(secret: &Secret) -> Option<(String, String)> {
    Some((text(secret, CERTIFICATE)?, text(secret, KEY)?))
}

/// What a certificate was made for; `None` if it is not ours.
pub(super) fn made(secret: &Secret) -> Option<Made> {
    let annotations = secret.metadata.annotations.as_ref()?;
    serde_json::from_str(annotations.get(ANNOTATION)?).ok()
}

/// The Secret of the authorities.
pub(super) fn authority_secret(authorities: &Authorities, found: Option<&Secret>) -> Secret {
    let json = serde_json::to_string(authorities).unwrap_or_default();
    Secret {
        metadata: metadata(AUTHORITY_SECRET, found, None),
        data: Some(data(&[
            (AUTHORITIES, &json),
            (BUNDLE, &authorities.bundle()),
        ])),
        type_: Some("Opaque".into()),
        ..Secret::default()
    }
}

/// The Secret of a certificate.
pub(super) fn certificate_secret(
    profile: &Profile,
    issued: &Issued,
    made: &Made,
    bundle: &str,
    found: Option<&Secret>,
) -> Secret {
    let annotation = serde_json::to_string(made).unwrap_or_default();
    let entries = [
        (CERTIFICATE, issued.certificate.as_str()),
        (KEY, &issued.key),
        (BUNDLE, bundle),
    ];
    Secret {
        metadata: metadata(&profile.secret, found, Some(annotation)),
        data: Some(data(&entries)),
        type_: Some("kubernetes.io/tls".into()),
        ..Secret::default()
    }
}

/// With the version that was read, so that a write after another's is refused.
fn metadata(name: &str, found: Option<&Secret>, annotation: Option<String>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        resource_version: found.and_then(|found| found.metadata.resource_version.clone()),
        labels: Some(BTreeMap::from([(
            names::LABEL_PART_OF.into(),
            names::PART_OF.into(),
        )])),
        annotations: annotation.map(|text| BTreeMap::from([(ANNOTATION.into(), text)])),
        ..ObjectMeta::default()
    }
}

fn data(entries: &[(&str, &str)]) -> BTreeMap<String, ByteString> {
    let entry = |(key, text): &(&str, &str)| (key.to_string(), ByteString(text.as_bytes().into()));
    entries.iter().map(entry).collect()
}

fn text(secret: &Secret, key: &str) -> Option<String> {
    let bytes = secret.data.as_ref()?.get(key)?;
    String::from_utf8(bytes.0.clone()).ok()
}
