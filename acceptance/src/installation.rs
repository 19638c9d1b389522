//! Leasehold, running.

use crate::files::root;
use crate::pods::{Pods, follow};
use crate::program::Program;
use crate::scheduler::{scheduler, text};
use crate::{Result, Setup};
use kube::Client;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use testbed::record::Recording;
use testbed::{Access, Cluster, NodeGroup, Options};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The namespace that it is installed in.
pub const SYSTEM: &str = "leasehold-system";

/// The controller that a new installation has.
pub const FIRST: &str = "a";

/// What an administrator applies before the programs start.
const MANIFESTS: [&str; 5] = [
    "deploy/crds",
    "deploy/install/00-namespace.yaml",
    "deploy/install/10-rbac-programs.yaml",
    "deploy/install/11-rbac-people.yaml",
    "deploy/install/12-rbac-elastic.yaml",
];

/// Another controller takes over soon, and decides soon after its start.
const TIMES: [&str; 3] = [
    "--lease-duration=4",
    "--renew-deadline=3",
    "--retry-period=500",
];

/// Leasehold on a control plane of its own. All of it ends with its owner.
pub struct Installation {
    controllers: BTreeMap<String, Program>,
    /// The extender.
    pub plugin: Option<Program>,
    pods: watch::Receiver<Pods>,
    following: JoinHandle<()>,
    /// With all rights.
    pub client: Client,
    account: Access,
    ports: Ports,
    setup: Setup,
    /// What it runs on.
    pub cluster: Cluster,
}

/// Where the programs listen.
#[derive(Clone, Copy, Debug)]
struct Ports {
    webhook: u16,
    grants: u16,
    extender: SocketAddr,
    plugin_health: SocketAddr,
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.following.abort();
    }
}

impl Installation {
    /// Brings it up, and returns when a scheduler asks the extender and the extender hears from the controller.
    ///
    /// # Errors
    /// When anything of it does not start.
    pub async fn start(setup: Setup) -> Result<Installation> {
        // Somebody may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Cluster::start(Options {
            nodes: setup.nodes.clone(),
            users: setup.users.clone(),
            flow_control: setup.is_limited,
            api_server_arguments: setup.api_server_arguments.clone(),
            folder: setup.folder.clone(),
            ..Options::default()
        })
        .await?;
        let client = cluster.client();
        kubectl(&cluster, &apply(&MANIFESTS))?;
        let account = cluster.service_account(SYSTEM, "quota-controller").await?;
        let (tell, pods) = watch::channel(Pods::default());
        let following = tokio::spawn(follow(client.clone(), tell));
        let mut installation = Installation {
            controllers: BTreeMap::new(),
            plugin: None,
            pods,
            following,
            client,
            account,
            ports: Ports {
                webhook: free_port()?,
                grants: free_port()?,
                extender: SocketAddr::from(([127, 0, 0, 1], free_port()?)),
                plugin_health: SocketAddr::from(([127, 0, 0, 1], free_port()?)),
            },
            setup,
            cluster,
        };
        installation.start_controller(FIRST)?;
        installation.start_plugin().await?;
        installation.start_scheduler().await?;
        Ok(installation)
    }

    /// All pods as they are now, kept up to date.
    pub fn pods(&self) -> watch::Receiver<Pods> {
        self.pods.clone()
    }

    /// Begins to record what happens to all pods, to be [judged](Installation::judge).
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn record(&self) -> Result<Recording> {
        Ok(Recording::start(&self.client).await?)
    }

    /// `kubectl` as the administrator, in the checkout's root. Returns what it printed.
    ///
    /// # Errors
    /// What it complains about.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        kubectl(&self.cluster, arguments)
    }

    /// Adds nodes to the pool of this name.
    ///
    /// # Errors
    /// When they are not ready in time.
    pub async fn add_nodes(&self, pool: &str, group: NodeGroup) -> Result<Vec<String>> {
        let group = group.labelled("leasehold.dev/pool", pool);
        Ok(self.cluster.add_nodes(&[group]).await?)
    }

    /// A controller that runs.
    ///
    /// # Errors
    /// When none has this name.
    pub fn controller(&self, name: &str) -> Result<&Program> {
        let controller = self.controllers.get(name);
        controller.ok_or_else(|| format!("no controller {name} runs").into())
    }

    /// The names of the controllers that run.
    pub fn controllers(&self) -> Vec<String> {
        self.controllers.keys().cloned().collect()
    }

    /// Kills a controller, as if its machine had failed.
    ///
    /// # Errors
    /// When none has this name.
    pub fn kill_controller(&mut self, name: &str) -> Result<()> {
        let controller = self.controllers.remove(name);
        controller
            .ok_or_else(|| format!("no controller {name} runs"))?
            .kill()
    }

    /// Where controllers log their decisions, a folder for each.
    pub fn decisions_folder(&self) -> PathBuf {
        self.cluster.folder().join("decisions")
    }

    /// Where the plugin tells its health and metrics.
    pub fn plugin_health(&self) -> SocketAddr {
        self.ports.plugin_health
    }

    /// Starts a controller under its service account. The API server asks the [first](crate::FIRST) one's webhooks.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_controller(&mut self, name: &str) -> Result<()> {
        let is_first = name == FIRST;
        let port = |own: u16| if is_first { Ok(own) } else { free_port() };
        let (webhook, grants) = (port(self.ports.webhook)?, port(self.ports.grants)?);
        let mut arguments = vec![
            format!("--kubeconfig={}", text(&self.account.kubeconfig)),
            format!("--identity={name}"),
            format!("--mode={}", self.setup.mode.name()),
            format!("--listen-webhook=127.0.0.1:{webhook}"),
            format!("--webhook-address=127.0.0.1:{webhook}"),
            format!("--webhook-url=https://127.0.0.1:{}", self.ports.webhook),
            format!("--grants-listen=127.0.0.1:{grants}"),
            format!("--grants-url=https://127.0.0.1:{grants}"),
            "--listen-health=127.0.0.1:0".to_owned(),
            format!(
                "--decision-log={}",
                text(&self.decisions_folder().join(name))
            ),
        ];
        if self.setup.is_quick_to_follow {
            arguments.extend(TIMES.map(str::to_owned));
        }
        arguments.extend(self.setup.controller_arguments.clone());
        let program = self.program(
            "quota-controller",
            &format!("quota-controller-{name}"),
            &arguments,
        )?;
        self.controllers.insert(name.to_owned(), program);
        Ok(())
    }

    /// Starts the plugin with the certificate that the controller makes, and waits until it hears from the controller.
    ///
    /// # Errors
    /// When it never does.
    pub async fn start_plugin(&mut self) -> Result<()> {
        let tls = self.fetch_tls("scheduler-plugin-tls").await?;
        let (certificate, key) = (text(&tls.certificate()), text(&tls.key()));
        let authority = text(&tls.authority());
        let arguments = [
            format!("--controller=https://127.0.0.1:{}", self.ports.grants),
            format!("--controller-name=quota-controller.{SYSTEM}.svc"),
            format!("--controller-ca={authority}"),
            format!("--controller-cert={certificate}"),
            format!("--controller-key={key}"),
            format!("--listen={}", self.ports.extender),
            format!("--tls-cert={certificate}"),
            format!("--tls-key={key}"),
            format!("--client-ca={authority}"),
            format!("--health-listen={}", self.ports.plugin_health),
        ];
        self.plugin = Some(self.program("scheduler-plugin", "scheduler-plugin", &arguments)?);
        self.eventually("the plugin hears from the controller", async || {
            let page = get(self.ports.plugin_health, "/readyz").await?;
            page.contains("200 OK").then_some(())
        })
        .await
    }

    /// Starts the scheduler that asks the plugin, in the place of an equally named one.
    ///
    /// # Errors
    /// When it never gets ready.
    pub async fn start_scheduler(&mut self) -> Result<()> {
        let tls = self.fetch_tls("kube-scheduler-client-tls").await?;
        let scheduler = scheduler(self.setup.mode, self.ports.extender, &tls)?;
        Ok(self.cluster.set_scheduler(&scheduler).await?)
    }

    /// What the plugin shows of itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn plugin_metrics(&self) -> Result<String> {
        let page = get(self.ports.plugin_health, "/metrics").await;
        page.ok_or_else(|| "the plugin does not answer".into())
    }

    fn program(&self, program: &str, name: &str, arguments: &[String]) -> Result<Program> {
        Program::start(
            &self.setup.program,
            program,
            name,
            self.cluster.folder(),
            arguments,
        )
    }
}

/// The arguments that apply these of the checkout's files.
fn apply<'a>(paths: &[&'a str]) -> Vec<&'a str> {
    let files = paths.iter().flat_map(|path| ["-f", path]);
    ["apply", "--validate=strict"]
        .into_iter()
        .chain(files)
        .collect()
}

fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let output = Command::new(&cluster.programs().kubectl)
        .arg("--kubeconfig")
        .arg(&cluster.administrator().kubeconfig)
        .args(arguments)
        .current_dir(root())
        .output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("kubectl {}: {complaint}", arguments.join(" ")).into())
}

/// A port that nobody uses now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

/// A page over plain HTTP, if somebody answers.
async fn get(address: SocketAddr, path: &str) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: plugin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await.ok()?;
    Some(page)
}
