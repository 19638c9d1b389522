//! A running control plane.

use crate::access::Access;
use crate::certificate::CertificateFiles;
use crate::error::Error;
use crate::ground::{ADMINISTRATOR, CONTROLLER_MANAGER, Ground, KWOK, SCHEDULER};
use crate::nodes;
use crate::options::{NodeGroup, Options};
use crate::port::Port;
use crate::process::Process;
use crate::programs::Programs;
use crate::ready::{plain_client, until_healthy};
use crate::scheduler::Scheduler;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A running control plane. All of it ends, and its folder goes, when this is dropped or its process dies.
///
/// Fields are dropped in their order: who talks goes before who is talked to.
pub struct Cluster {
    schedulers: BTreeMap<String, RunningScheduler>,
    kwok: Process,
    controller_manager: Process,
    api_server: Option<Process>,
    etcd: Process,
    _ports: [Port; 2],
    client: Client,
    users: BTreeMap<String, Access>,
    ground: Ground,
}

/// A scheduler and the port of its metrics.
struct RunningScheduler {
    process: Process,
    port: Port,
}

impl Cluster {
    /// Starts a control plane with what `options` asks for, and returns when all of it is ready.
    ///
    /// The programs are built first if need be, which takes some minutes, once.
    ///
    /// # Errors
    /// When a program cannot be built, does not start, ends, or is not ready in time; with the end of its log.
    pub async fn start(options: Options) -> Result<Cluster, Error> {
        options.check()?;
        let programs = tokio::task::spawn_blocking(Programs::find_or_build).await;
        let programs = programs.map_err(|error| Error::Other(error.to_string()))??;
        let within = options.ready_within;
        let (ground, tokens) = Ground::prepare(programs, options)?;

        let mut etcd = ground.start_etcd()?;
        let health = plain_client(ground.etcd_port.number)?;
        until_healthy(&mut etcd, &health, "/health", within).await?;

        let users = ground.users(tokens)?;
        let administrator = find(&users, ADMINISTRATOR)?;
        let client = administrator.client().await?;
        let mut api_server = ground.start_api_server()?;
        until_healthy(&mut api_server, &client, "/readyz", within).await?;

        let controllers_port = ground.port()?;
        let kwok_port = ground.port()?;
        let mut controller_manager = ground
            .start_controller_manager(&controllers_port, find(&users, CONTROLLER_MANAGER)?)?;
        let mut kwok = ground.start_kwok(&kwok_port, find(&users, KWOK)?)?;
        let kwok_health = plain_client(kwok_port.number)?;
        until_healthy(&mut kwok, &kwok_health, "/healthz", within).await?;
        let health = ground.secure_client(&controllers_port, administrator)?;
        until_healthy(&mut controller_manager, &health, "/healthz", within).await?;

        let mut cluster = Cluster {
            schedulers: BTreeMap::new(),
            kwok,
            controller_manager,
            api_server: Some(api_server),
            etcd,
            _ports: [controllers_port, kwok_port],
            client,
            users,
            ground,
        };
        for scheduler in cluster.ground.options.schedulers.clone() {
            cluster.set_scheduler(&scheduler).await?;
        }
        let groups = cluster.ground.options.nodes.clone();
        cluster.add_nodes(&groups).await?;
        Ok(cluster)
    }

    /// A client with all rights.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// What a client with all rights is made with.
    pub fn administrator(&self) -> &Access {
        &self.users[ADMINISTRATOR]
    }

    /// What a user of [`Options::users`] reaches the cluster with.
    ///
    /// # Errors
    /// When the options name no such user.
    pub fn user(&self, name: &str) -> Result<&Access, Error> {
        find(&self.users, name)
    }

    /// The same for a service account, which is made if it is not there. Its namespace must be.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<Access, Error> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let what = format!("service account {namespace}/{name}");
        let account = ServiceAccount {
            metadata: ObjectMeta {
                name: Some(name.into()),
                ..ObjectMeta::default()
            },
            ..ServiceAccount::default()
        };
        match api.create(&PostParams::default(), &account).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            other => drop(other.map_err(Error::api(format!("create {what}")))?),
        }
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: None,
                expiration_seconds: Some(24 * 3600),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = api
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .map_err(Error::api(format!("get a token for {what}")))?;
        let token = answer.status.and_then(|status| status.token);
        let token =
            token.ok_or_else(|| Error::Other(format!("no token for {what} in the answer")))?;
        let user = format!("system:serviceaccount:{namespace}:{name}");
        self.ground.door.access(&user, &token)
    }

    /// Where the API server listens, such as `https://127.0.0.1:20001`.
    pub fn url(&self) -> &str {
        &self.ground.door.url
    }

    /// Where its files are: `*.log`, `*.kubeconfig`, configurations.
    pub fn folder(&self) -> &Path {
        &self.ground.folder
    }

    /// The programs that it consists of.
    pub fn programs(&self) -> &Programs {
        &self.ground.programs
    }

    /// The certificate of the cluster's authority, PEM.
    pub fn authority(&self) -> PathBuf {
        self.ground.authority.certificate()
    }

    /// A certificate for a server on 127.0.0.1 or for a client, signed by the cluster's authority.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn certificate(&self, name: &str) -> Result<CertificateFiles, Error> {
        self.ground.authority.issue(name)
    }

    /// Makes more nodes and returns their names when pods can be scheduled onto them.
    ///
    /// # Errors
    /// When the API server refuses one or they are not ready in time.
    pub async fn add_nodes(&self, groups: &[NodeGroup]) -> Result<Vec<String>, Error> {
        nodes::add(&self.client, groups, self.ground.options.ready_within).await
    }

    /// Starts a scheduler, in the place of the one with the same name if there is one. Returns when it is ready.
    ///
    /// # Errors
    /// When it ends, as with a configuration that it does not take, or is not ready in time.
    pub async fn set_scheduler(&mut self, scheduler: &Scheduler) -> Result<(), Error> {
        self.stop_scheduler(&scheduler.name);
        let port = self.ground.port()?;
        let access = find(&self.users, SCHEDULER)?;
        let mut process = self.ground.start_scheduler(scheduler, &port, access)?;
        let health = self.ground.secure_client(&port, self.administrator())?;
        let within = self.ground.options.ready_within;
        until_healthy(&mut process, &health, "/readyz", within).await?;
        let running = RunningScheduler { process, port };
        self.schedulers.insert(scheduler.name.clone(), running);
        Ok(())
    }

    /// Ends the scheduler of this name, if it runs.
    pub fn stop_scheduler(&mut self, name: &str) {
        self.schedulers.remove(name);
    }

    /// A client for a scheduler's own endpoints, such as `/metrics`.
    ///
    /// # Errors
    /// When there is no scheduler of this name.
    pub fn scheduler_client(&self, name: &str) -> Result<Client, Error> {
        let running = self.schedulers.get(name);
        let running = running.ok_or_else(|| Error::Other(format!("no scheduler {name:?} runs")))?;
        self.ground
            .secure_client(&running.port, self.administrator())
    }

    /// Kills the API server, as if its machine had failed. Everybody else goes on and tries again.
    pub fn stop_api_server(&mut self) {
        self.api_server = None;
    }

    /// Starts it again, at the same address and with what it held, and returns when it is ready.
    ///
    /// # Errors
    /// When it ends or is not ready in time.
    pub async fn start_api_server(&mut self) -> Result<(), Error> {
        self.api_server = None;
        let mut process = self.ground.start_api_server()?;
        let within = self.ground.options.ready_within;
        until_healthy(&mut process, &self.client, "/readyz", within).await?;
        self.api_server = Some(process);
        Ok(())
    }

    /// The name and process id of each program that runs.
    pub fn processes(&self) -> Vec<(String, u32)> {
        let schedulers = self.schedulers.values().map(|running| &running.process);
        let others = [&self.kwok, &self.controller_manager, &self.etcd];
        let all = others.into_iter().chain(&self.api_server).chain(schedulers);
        all.map(|process| (process.name().to_string(), process.id()))
            .collect()
    }

    /// An error, with the end of its log, if a program has ended by itself.
    ///
    /// # Errors
    /// The first one that has.
    pub fn check(&mut self) -> Result<(), Error> {
        let schedulers = self.schedulers.values_mut();
        let schedulers = schedulers.map(|running| &mut running.process);
        let others = [&mut self.kwok, &mut self.controller_manager, &mut self.etcd];
        let mut all = others
            .into_iter()
            .chain(&mut self.api_server)
            .chain(schedulers);
        all.try_for_each(Process::check)
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("url", &self.url())
            .field("folder", &self.folder())
            .field("processes", &self.processes())
            .finish_non_exhaustive()
    }
}

fn find<'a>(users: &'a BTreeMap<String, Access>, name: &str) -> Result<&'a Access, Error> {
    users.get(name).ok_or_else(|| {
        let known: Vec<&str> = users.keys().map(String::as_str).collect();
        Error::Other(format!(
            "user {name:?} is not one of the cluster's: {}. Name it in Options::users.",
            known.join(", ")
        ))
    })
}
