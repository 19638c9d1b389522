//! All that stands between users and the API server's store: certificates, webhooks, policies, labels. One call
//! starts it.

use crate::certificates::{
    CLIENT_SECRET, CONTROLLER_SECRET, Lifetimes, Material, PLUGIN_SECRET, Profile, Store,
};
use crate::decider::{Decider, Standing};
use crate::installed::{self, Endpoint, Keeper, label_namespaces};
use crate::leader::LeaderSeen;
use crate::policies::{Installation, Mode};
use crate::webhook::{self, ADDRESS_ANNOTATION, Leader, Webhooks};
use api::names;
use clap::{Args, ValueEnum};
use kube::Client;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What goes wrong before anything has begun.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Between two tries to get the first certificate.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether pods go behind the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Guard {
    /// Policies and webhooks are installed and put back.
    On,
    /// Nothing is installed: gates are somebody else's business, and nothing is refused.
    Off,
}

/// The part of the command line that is about admission.
#[derive(Args, Clone, Debug)]
pub struct AdmissionArgs {
    /// Whether policies and webhooks are installed
    #[arg(long, value_enum, value_name = "WHETHER", default_value = "on")]
    pub admission: Guard,
    /// How the scheduler is extended (docs/install.md)
    #[arg(
        long,
        value_enum,
        value_name = "MODE",
        default_value = "default-scheduler"
    )]
    pub mode: Mode,
    /// The service account that this program runs under: only it removes gates
    #[arg(long, value_name = "NAME", default_value = names::CONTROLLER)]
    pub service_account: String,
    /// Address of the webhooks
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:9443")]
    pub listen_webhook: SocketAddr,
    /// Where other replicas reach these webhooks, `host:port`: the pod's own address
    #[arg(long, value_name = "ADDRESS")]
    pub webhook_address: Option<String>,
    /// Where the API server reaches the webhooks, if not by the Service: `https://host:port`
    #[arg(long, value_name = "URL")]
    pub webhook_url: Option<String>,
    /// A certificate lasts so long, in seconds; it is renewed when a third is left
    #[arg(long, value_name = "SECONDS", default_value_t = Lifetimes::default().certificate_s, value_parser = clap::value_parser!(i64).range(10..=31_536_000))]
    pub certificate_lifetime: i64,
    /// The authority that signs them lasts so long, in seconds; its successor is made when a third is left
    #[arg(long, value_name = "SECONDS", default_value_t = Lifetimes::default().authority_s, value_parser = clap::value_parser!(i64).range(30..=315_360_000))]
    pub authority_lifetime: i64,
    /// A new authority is only trusted for so long before it signs, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = Lifetimes::default().spread_s, value_parser = clap::value_parser!(i64).range(1..=2_592_000))]
    pub authority_spread: i64,
}

impl AdmissionArgs {
    /// What makes no sense together. `is_outside`: the program was told how to reach the API server, so it runs in
    /// no pod, and no Service leads to it.
    ///
    /// # Errors
    /// The problem, with the remedy.
    pub fn check(&self, is_outside: bool) -> Result<(), String> {
        if self.admission == Guard::Off {
            return Ok(());
        }
        if is_outside && self.webhook_url.is_none() {
            return Err(
                "with --kubeconfig the API server cannot find this program by its Service, and what it cannot ask it \
                 refuses: give --webhook-url https://HOST:PORT, by which it reaches --listen-webhook, or --admission \
                 off"
                    .into(),
            );
        }
        if let Some(url) = &self.webhook_url
            && (!url.starts_with("https://") || host_of(url).is_empty())
        {
            return Err(format!(
                "--webhook-url {url} must be https://HOST:PORT: the API server calls webhooks by nothing else"
            ));
        }
        let (certificate, authority) = (self.certificate_lifetime, self.authority_lifetime);
        // The old authority stops signing a third and a spread before its end.
        if authority / 3 < certificate + self.authority_spread {
            return Err(format!(
                "--authority-lifetime {authority} must be at least three times --certificate-lifetime {certificate} \
                 and --authority-spread {} together: or certificates outlast who signed them",
                self.authority_spread
            ));
        }
        Ok(())
    }

    /// What other replicas are told on the leader's Lease.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let address = self.webhook_address.clone();
        let entry = address.map(|address| (ADDRESS_ANNOTATION.to_string(), address));
        entry.into_iter().collect()
    }

    fn endpoint(&self) -> Endpoint {
        match &self.webhook_url {
            Some(url) => Endpoint::Url(url.clone()),
            None => Endpoint::Service { port: 443 },
        }
    }

    fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            authority_s: self.authority_lifetime,
            certificate_s: self.certificate_lifetime,
            spread_s: self.authority_spread,
        }
    }

    /// All certificates of an installation; the controller's own is the first.
    fn profiles(&self, namespace: &str) -> Vec<Profile> {
        let mut own = service_names(names::CONTROLLER, namespace);
        // Replicas that run side by side are not told apart: they share the certificate.
        own.extend(
            self.webhook_url
                .as_deref()
                .map(|url| host_of(url).to_string()),
        );
        own.sort();
        own.dedup();
        let profile = |secret: &str, common_name: &str, names| Profile {
            secret: secret.into(),
            common_name: common_name.into(),
            names,
        };
        let plugin = service_names(names::PLUGIN, namespace);
        vec![
            profile(CONTROLLER_SECRET, names::CONTROLLER, own),
            profile(PLUGIN_SECRET, names::PLUGIN, plugin),
            profile(CLIENT_SECRET, "kube-scheduler", Vec::new()),
        ]
    }
}

/// The names under which a Service is reached, and this machine.
fn service_names(service: &str, namespace: &str) -> Vec<String> {
    vec![
        "127.0.0.1".into(),
        "localhost".into(),
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}.svc.cluster.local"),
    ]
}

/// The host in `https://host:port/path`.
fn host_of(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => {
            host.trim_start_matches('[').trim_end_matches(']')
        }
        _ => authority,
    }
}

/// What was started.
pub struct Admission {
    /// The program's certificate, kept fresh; for other servers and clients of the program.
    pub material: watch::Receiver<Arc<Material>>,
    serving: JoinHandle<()>,
}

impl Admission {
    /// Waits until reviews that had begun are answered.
    pub async fn ended(self) {
        // It ends by the token that it was started with; a panic there was printed already.
        let _ = self.serving.await;
    }
}

/// What the rest of the program knows.
pub struct Surroundings {
    /// To reach the API server.
    pub client: Client,
    /// Who decides.
    pub decider: Decider,
    /// Who leads.
    pub leader: watch::Receiver<Option<LeaderSeen>>,
    /// This replica's name.
    pub identity: String,
    /// The installation's namespace.
    pub namespace: String,
}

/// Starts everything. Returns when the webhooks listen, which needs a certificate, and so the API server.
///
/// # Errors
/// When the address cannot be listened on, or the certificate cannot be used.
pub async fn start(
    arguments: &AdmissionArgs,
    around: Surroundings,
    registry: &mut Registry,
    stop: &CancellationToken,
) -> Result<Admission, Failure> {
    // First, so that an address in use is told before anything is written.
    let listener = TcpListener::bind(arguments.listen_webhook).map_err(|error| {
        format!(
            "cannot listen on --listen-webhook {}: {error}",
            arguments.listen_webhook
        )
    })?;
    let store = Store::new(
        around.client.clone(),
        &around.namespace,
        arguments.lifetimes(),
        arguments.profiles(&around.namespace),
    );
    let first = first_material(&store, stop).await?;
    let (fresh, material) = watch::channel(Arc::new(first));
    tokio::spawn(stop.clone().run_until_cancelled_owned(store.keep(fresh)));

    let installation = Installation {
        namespace: around.namespace.clone(),
        service_account: arguments.service_account.clone(),
        mode: arguments.mode,
    };
    let kept = installed::Metrics::default();
    kept.register(registry);
    let keeper = Keeper {
        client: around.client.clone(),
        installation,
        endpoint: arguments.endpoint(),
        material: material.clone(),
        metrics: kept,
    };
    let leads = leads(around.decider.watch_standing(), stop);
    tokio::spawn(stop.clone().run_until_cancelled_owned(keeper.keep(leads)));
    let unlabelled = around.decider.watch_unlabelled();
    let labels = label_namespaces(around.client.clone(), unlabelled);
    tokio::spawn(stop.clone().run_until_cancelled_owned(labels));

    let answered = webhook::Metrics::default();
    answered.register(registry);
    let webhooks = Webhooks {
        decider: around.decider,
        leader: Leader {
            seen: around.leader,
            identity: around.identity,
            server_name: format!("{}.{}.svc", names::CONTROLLER, around.namespace),
            material: material.clone(),
        },
        namespace: around.namespace,
        mode: arguments.mode,
        metrics: answered,
    };
    let serving = webhook::serve(listener, webhooks, material.clone(), stop.clone());
    let serving = tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the webhooks serve no more");
        }
    });
    Ok(Admission { material, serving })
}

/// The first certificate, however long the API server takes.
async fn first_material(store: &Store, stop: &CancellationToken) -> Result<Material, Failure> {
    let tries = async {
        loop {
            match store.refresh(jiff::Timestamp::now().as_second()).await {
                Ok(material) => return material,
                Err(error) => tracing::warn!(%error, "no certificate yet, trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let tried = stop.run_until_cancelled(tries).await;
    tried.ok_or_else(|| "ended before there was a certificate".into())
}

/// Whether this replica is the leader, from its first moment on: what is missing is put back before it decides.
fn leads(
    mut standing: watch::Receiver<Standing>,
    stop: &CancellationToken,
) -> watch::Receiver<bool> {
    let is_leader = |standing: &Standing| *standing != Standing::Following;
    let (tell, told) = watch::channel(is_leader(&standing.borrow_and_update()));
    tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
        while standing.changed().await.is_ok() {
            let now = is_leader(&standing.borrow_and_update());
            tell.send_if_modified(|known| std::mem::replace(known, now) != now);
        }
    }));
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: AdmissionArgs,
    }

    fn parse(arguments: &[&str]) -> AdmissionArgs {
        let line = ["any"].iter().chain(arguments);
        Line::parse_from(line).arguments
    }

    #[test]
    fn the_defaults_make_sense_in_a_cluster() {
        assert_eq!(parse(&[]).check(false), Ok(()));
    }

    #[test]
    fn outside_a_cluster_the_api_server_must_be_told_the_way() {
        let problem = parse(&[]).check(true).unwrap_err();
        assert!(problem.contains("--webhook-url"), "{problem}");
        assert_eq!(
            parse(&["--webhook-url", "https://127.0.0.1:9443"]).check(true),
            Ok(())
        );
        assert_eq!(parse(&["--admission", "off"]).check(true), Ok(()));
        assert!(
            parse(&["--webhook-url", "http://127.0.0.1"])
                .check(true)
                .is_err()
        );
    }

    #[test]
    fn no_certificate_may_outlast_who_signed_it() {
        let short = parse(&["--authority-lifetime", "8000000"]).check(false);
        assert!(short.unwrap_err().contains("--authority-lifetime 8000000"));
    }

    #[test]
    fn the_host_of_an_url_is_found() {
        let urls = [
            "https://a.b:9443/x",
            "https://a.b",
            "https://[::1]:9443",
            "https://10.0.0.1:1",
        ];
        assert_eq!(urls.map(host_of), ["a.b", "a.b", "::1", "10.0.0.1"]);
    }
}
