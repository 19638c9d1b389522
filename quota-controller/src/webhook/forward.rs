//! Handing a review to the leader.

use crate::certificates::Material;
use crate::leader::LeaderSeen;
use axum::body::Bytes;
use axum::http::Request;
use kube::config::AuthInfo;
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// On the Lease of the leader: where its webhooks listen, `host:port`.
pub const ADDRESS_ANNOTATION: &str = "leasehold.dev/webhook-address";

/// On a review that was handed on: it is not handed on again.
pub(super) const HANDED_ON: &str = "x-leasehold-handed-on";

/// A leader that does not take a connection for so long is gone.
const CONNECT: Duration = Duration::from_secs(2);

/// The way to the leader.
#[derive(Clone)]
pub struct Leader {
    /// Who leads.
    pub seen: watch::Receiver<Option<LeaderSeen>>,
    /// This replica's own name there.
    pub identity: String,
    /// A name that every replica's certificate has: they are reached by address.
    pub server_name: String,
    /// Certificates.
    pub material: watch::Receiver<Arc<Material>>,
}

impl Leader {
    /// Where the leader's webhooks are, unless this replica leads or nobody does.
    pub(super) fn address(&self) -> Option<String> {
        let seen = self.seen.borrow();
        let leader = seen
            .as_ref()
            .filter(|leader| leader.identity != self.identity)?;
        leader.annotations.get(ADDRESS_ANNOTATION).cloned()
    }

    /// The leader's answer to a review, as it is.
    pub(super) async fn ask(
        &self,
        address: &str,
        path: &str,
        body: &Bytes,
        wait: Duration,
    ) -> Result<Bytes, String> {
        let client = self.client(address, wait)?;
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header(HANDED_ON, "1")
            .body(body.to_vec())
            .map_err(|error| error.to_string())?;
        let answer = tokio::time::timeout(wait, client.request_text(request)).await;
        let answer = answer.map_err(|_| "no answer in time".to_string())?;
        answer.map(Bytes::from).map_err(|error| error.to_string())
    }

    /// Made anew for each review: reviews of leases are rare, and certificates change.
    fn client(&self, address: &str, wait: Duration) -> Result<Client, String> {
        let material = self.material.borrow().clone();
        let url = format!("https://{address}").parse();
        let mut config = Config::new(url.map_err(|error| format!("{address}: {error}"))?);
        let roots: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(material.bundle.as_bytes()).collect();
        let roots = roots.map_err(|error| error.to_string())?;
        config.root_cert = Some(roots.iter().map(|root| root.to_vec()).collect());
        config.tls_server_name = Some(self.server_name.clone());
        config.auth_info = AuthInfo::default();
        config.connect_timeout = Some(CONNECT.min(wait));
        config.read_timeout = Some(wait);
        config.write_timeout = Some(wait);
        config.default_retry = false;
        Client::try_from(config).map_err(|error| error.to_string())
    }
}
