//! What the programs of one control plane stand on: its folder, ports, certificates and users.

use crate::access::{Access, Door, User, write_tokens};
use crate::arguments::{self, ApiServer};
use crate::certificate::{Authority, CertificateFiles};
use crate::error::Error;
use crate::file::{make_private_folder, random_token, write_private};
use crate::guard::Guard;
use crate::options::Options;
use crate::port::Port;
use crate::process::Process;
use crate::programs::{Programs, cache_folder};
use crate::ready::client_at;
use crate::scheduler::Scheduler;
use kube::Client;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How kwok plays nodes and pods.
const STAGES: &str = include_str!("../stages/kwok.yaml");

/// Who has all rights.
pub(crate) const ADMINISTRATOR: &str = "admin";
/// Who the controller manager is; its controllers have service accounts of their own.
pub(crate) const CONTROLLER_MANAGER: &str = "system:kube-controller-manager";
/// Who schedulers are.
pub(crate) const SCHEDULER: &str = "system:kube-scheduler";
/// Who plays the nodes.
pub(crate) const KWOK: &str = "kwok";

/// What programs are started on.
pub(crate) struct Ground {
    pub(crate) programs: Programs,
    pub(crate) folder: PathBuf,
    pub(crate) authority: Authority,
    serving: CertificateFiles,
    service_account: CertificateFiles,
    pub(crate) door: Door,
    pub(crate) etcd_port: Port,
    /// It wants one even without peers.
    etcd_peer_port: Port,
    api_port: Port,
    pub(crate) options: Options,
    /// Last, because it removes the folder.
    guard: Guard,
}

impl Ground {
    /// Ports, folder, certificates and tokens.
    pub(crate) fn prepare(
        programs: Programs,
        options: Options,
    ) -> Result<(Ground, Vec<(User, String)>), Error> {
        let folder = match &options.folder {
            Some(folder) => std::path::absolute(folder)
                .map_err(Error::doing(format!("find {}", folder.display())))?,
            None => std::env::temp_dir().join(format!("leasehold-testbed-{}", random_token()?)),
        };
        let is_used = std::fs::read_dir(&folder).is_ok_and(|mut files| files.next().is_some());
        if is_used {
            return Err(Error::Other(format!(
                "{} is not empty: choose another folder, or remove it",
                folder.display()
            )));
        }
        make_private_folder(&folder)?;
        let removed = (!options.keep_folder).then_some(folder.as_path());
        let guard = Guard::start(removed)?;
        let authority = Authority::new(&folder)?;
        let (etcd_port, api_port) = (port()?, port()?);
        let door = Door {
            url: format!("https://127.0.0.1:{}", api_port.number),
            authority: authority.certificate(),
            folder: folder.clone(),
        };
        let mut users = vec![
            User::new(ADMINISTRATOR, ["system:masters"]),
            User::new(CONTROLLER_MANAGER, []),
            User::new(SCHEDULER, []),
            // It plays all the nodes, so it may do what any of them may.
            User::new(KWOK, ["system:masters"]),
        ];
        users.extend(options.users.iter().cloned());
        let tokens = write_tokens(&folder.join("tokens.csv"), &users)?;
        let ground = Ground {
            serving: authority.issue("serving")?,
            service_account: authority.service_account_key()?,
            programs,
            folder,
            authority,
            door,
            etcd_port,
            etcd_peer_port: port()?,
            api_port,
            options,
            guard,
        };
        Ok((ground, users.into_iter().zip(tokens).collect()))
    }

    /// What each user reaches the cluster with.
    pub(crate) fn users(
        &self,
        tokens: Vec<(User, String)>,
    ) -> Result<BTreeMap<String, Access>, Error> {
        let accesses = tokens.into_iter().map(|(user, token)| {
            let access = self.door.access(&user.name, &token)?;
            Ok((user.name, access))
        });
        accesses.collect()
    }

    /// A port of its own.
    pub(crate) fn port(&self) -> Result<Port, Error> {
        port()
    }

    /// A client for a program of the control plane that listens with TLS.
    pub(crate) fn secure_client(&self, port: &Port, access: &Access) -> Result<Client, Error> {
        let url = format!("https://127.0.0.1:{}", port.number);
        let authority = self.authority.certificate();
        let token = access.token.clone();
        client_at(&url, |config| {
            config.root_cert_file = Some(authority);
            config.auth_info.token = Some(token.into());
        })
    }

    fn start(&self, name: &str, program: &Path, arguments: &[String]) -> Result<Process, Error> {
        let log = self.folder.join(format!("{name}.log"));
        Process::start(name, program, arguments, &log, self.guard.group())
    }

    /// The store.
    pub(crate) fn start_etcd(&self) -> Result<Process, Error> {
        let data = self.folder.join("etcd");
        let arguments = arguments::etcd(&data, self.etcd_port.number, self.etcd_peer_port.number);
        self.start("etcd", &self.programs.etcd, &arguments)
    }

    /// The API server.
    pub(crate) fn start_api_server(&self) -> Result<Process, Error> {
        let arguments = arguments::api_server(&ApiServer {
            port: self.api_port.number,
            etcd_port: self.etcd_port.number,
            certificate_folder: &self.folder,
            authority: &self.authority.certificate(),
            serving: &self.serving,
            service_account: &self.service_account,
            tokens: &self.folder.join("tokens.csv"),
            flow_control: self.options.flow_control,
            further: &self.options.api_server_arguments,
        });
        self.start("kube-apiserver", &self.programs.kube_apiserver, &arguments)
    }

    /// The controllers.
    pub(crate) fn start_controller_manager(
        &self,
        port: &Port,
        access: &Access,
    ) -> Result<Process, Error> {
        let arguments = arguments::controller_manager(
            port.number,
            &access.kubeconfig,
            &self.authority.certificate(),
            &self.serving,
            &self.service_account,
        );
        let program = &self.programs.kube_controller_manager;
        self.start("kube-controller-manager", program, &arguments)
    }

    /// A scheduler, with its configuration file.
    pub(crate) fn start_scheduler(
        &self,
        scheduler: &Scheduler,
        port: &Port,
        access: &Access,
    ) -> Result<Process, Error> {
        let name = format!("kube-scheduler-{}", scheduler.name);
        let configuration = self.folder.join(format!("{name}.yaml"));
        let text = api::to_yaml(&scheduler.file(&access.kubeconfig));
        write_private(&configuration, &text)?;
        let arguments = arguments::scheduler(
            port.number,
            &configuration,
            &access.kubeconfig,
            &self.serving,
        );
        self.start(&name, &self.programs.kube_scheduler, &arguments)
    }

    /// What plays the nodes.
    pub(crate) fn start_kwok(&self, port: &Port, access: &Access) -> Result<Process, Error> {
        let stages = self.folder.join("kwok.yaml");
        write_private(&stages, STAGES)?;
        let arguments = arguments::kwok(port.number, &access.kubeconfig, &stages);
        self.start("kwok", &self.programs.kwok, &arguments)
    }
}

fn port() -> Result<Port, Error> {
    Port::take(&cache_folder()?.join("ports"))
}
