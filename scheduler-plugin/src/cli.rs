//! The command line.

use crate::follow::ClientFiles;
use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tls::ServerFiles;

const EXAMPLES: &str = "\
Examples:
  scheduler-plugin --controller http://127.0.0.1:9444
                              to try it out: plain HTTP, reached from this machine only
  scheduler-plugin --controller https://quota-controller.leasehold-system.svc:9444 \\
      --controller-ca ca.crt --controller-cert tls.crt --controller-key tls.key \\
      --listen 0.0.0.0:10261 --tls-cert tls.crt --tls-key tls.key --client-ca ca.crt \\
      --health-listen 0.0.0.0:10262
                              in a cluster: certificates on both sides

What kube-scheduler has to be told, in its KubeSchedulerConfiguration:
  extenders:
  - urlPrefix: https://scheduler-plugin.leasehold-system.svc:10261
    filterVerb: filter
    prioritizeVerb: prioritize
    preemptVerb: preempt
    weight: 30               # a node that the engine counts on goes before all default scores
    nodeCacheCapable: true   # only names travel
    ignorable: true          # the mode default-scheduler; false in the others
    enableHTTPS: true
    tlsConfig: {caFile: ca.crt, certFile: scheduler.crt, keyFile: scheduler.key}

Answers to pods outside leases look at nothing but their namespace. /readyz says ok once a controller was heard.
Exit status: 0 ended by a signal, 1 could not go on, 2 bad usage.";

/// A kube-scheduler extender that lets pods onto nodes by their leases.
#[derive(Parser, Clone, Debug)]
#[command(name = "scheduler-plugin", version, after_help = EXAMPLES)]
pub struct Cli {
    /// A controller to hear grants from, such as https://host:9444; all replicas, or a Service in front of them
    #[arg(
        long = "controller",
        value_name = "URL",
        required = true,
        value_delimiter = ','
    )]
    pub controllers: Vec<String>,
    /// Who may have signed the controller's certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub controller_ca: Option<PathBuf>,
    /// The certificate to show to the controller (PEM)
    #[arg(long, value_name = "FILE", requires = "controller_key")]
    pub controller_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "controller_cert")]
    pub controller_key: Option<PathBuf>,
    /// The name in the controller's certificate, if it is not the URL's host
    #[arg(long, value_name = "NAME")]
    pub controller_name: Option<String>,
    /// Where to answer the scheduler
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:10261")]
    pub listen: SocketAddr,
    /// Where to tell health and metrics, without certificates
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:10262")]
    pub health_listen: SocketAddr,
    /// The certificate to answer the scheduler with (PEM): HTTPS instead of HTTP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Answer only who shows a certificate signed by one of these (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub client_ca: Option<PathBuf>,
    /// Allow plain HTTP on an address that other machines reach
    #[arg(long, conflicts_with = "tls_cert")]
    pub plain_http: bool,
    /// How long to wait for the controller about a pod that nobody has admitted; less than the scheduler's httpTimeout (5 s)
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub reserve_timeout_ms: u64,
    /// How the controller's log names this plugin; the machine's name if absent
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What to log: error, warn, info, debug, or a filter such as scheduler_plugin=debug,info
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// How to log
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

impl Cli {
    /// The files of the server's certificate, if it has one.
    pub fn server_files(&self) -> Option<ServerFiles> {
        Some(ServerFiles {
            certificate: self.tls_cert.clone()?,
            key: self.tls_key.clone()?,
            client_authorities: self.client_ca.clone(),
        })
    }

    /// The files for the controller.
    pub fn client_files(&self) -> ClientFiles {
        ClientFiles {
            authorities: self.controller_ca.clone(),
            identity: self
                .controller_cert
                .clone()
                .zip(self.controller_key.clone()),
            name: self.controller_name.clone(),
        }
    }

    /// What `clap` cannot see is wrong.
    pub fn problem(&self) -> Option<String> {
        let is_open = !self.listen.ip().is_loopback();
        if is_open && self.tls_cert.is_none() && !self.plain_http {
            return Some(format!(
                "--listen {} can be reached from other machines: give --tls-cert, --tls-key and --client-ca, \
                 or say --plain-http",
                self.listen
            ));
        }
        let odd = self
            .controllers
            .iter()
            .find(|url| !url.starts_with("https://") && !url.starts_with("http://"));
        odd.map(|url| format!("--controller {url}: it must begin with https:// or http://"))
    }

    /// How long to wait for the controller.
    pub fn reserve_timeout(&self) -> Duration {
        Duration::from_millis(self.reserve_timeout_ms)
    }
}
