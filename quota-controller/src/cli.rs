//! The command line.

use crate::admission::{AdmissionArgs, Guard};
use crate::decider::LogOptions;
use crate::grants::GrantOptions;
use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  quota-controller                                in a cluster, with the pod's own service account
  quota-controller --kubeconfig ~/.kube/config --webhook-url https://127.0.0.1:9443
                                                  from outside, to try it on the API server's own machine
  quota-controller --decision-log /var/log/leasehold
                                                  keep what was decided, for `simulator verify`

Run two replicas: one leads, the other takes over within one --lease-duration. What it needs to be allowed
to do is in deploy/. Ports: health and metrics on --listen-health (/healthz, /readyz, /metrics);
webhooks on --listen-webhook.";

/// Makes capacity leases bind: admits gated pods, reclaims what was lent, keeps leases' status.
#[derive(Parser, Clone, Debug)]
#[command(name = "quota-controller", version, after_help = EXAMPLES)]
pub struct Cli {
    /// How to reach the API server; absent: the pod's service account, else $KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of the Lease by which replicas elect their leader
    #[arg(long, value_name = "NAMESPACE", default_value = "leasehold-system")]
    pub namespace: String,
    /// The name of that Lease
    #[arg(long, value_name = "NAME", default_value = "quota-controller")]
    pub lease_name: String,
    /// The name of this replica; must differ from all others [default: host name and a random part]
    #[arg(long, value_name = "NAME")]
    pub identity: Option<String>,
    /// Others take over when the leader was silent for so long, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=600))]
    pub lease_duration: u64,
    /// A leader that could not renew for so long stops acting, in seconds; below --lease-duration
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=599))]
    pub renew_deadline: u64,
    /// Time between two renewals, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(50..=60000))]
    pub retry_period: u64,
    /// Address of /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub listen_health: SocketAddr,
    /// Write what was decided into files in this folder
    #[arg(long, value_name = "FOLDER")]
    pub decision_log: Option<PathBuf>,
    /// A file of the decision log is put aside at this size, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10240))]
    pub decision_log_size: u64,
    /// So many files of the decision log that were put aside are kept
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub decision_log_files: u32,
    /// Certificates, webhooks, policies.
    #[command(flatten)]
    pub admission: AdmissionArgs,
    /// What is logged to standard error: error, warn, info, debug, trace, or per module (`info,kube=debug`)
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// Log JSON lines instead of text
    #[arg(long)]
    pub log_json: bool,
    /// How scheduler plugins are answered.
    #[command(flatten)]
    pub grants: GrantOptions,
}

impl Cli {
    /// What makes no sense together.
    ///
    /// # Errors
    /// The problem, with the remedy.
    pub fn check(&self) -> Result<(), String> {
        if self.renew_deadline >= self.lease_duration {
            return Err(format!(
                "--renew-deadline {} must be below --lease-duration {}: a leader has to stop before another begins",
                self.renew_deadline, self.lease_duration
            ));
        }
        if self.retry_period >= self.renew_deadline * 1000 {
            return Err(format!(
                "--retry-period {} ms must be below --renew-deadline {} s: or no renewal comes in time",
                self.retry_period, self.renew_deadline
            ));
        }
        self.grants.check(self.admission.admission == Guard::On)?;
        self.admission.check(self.kubeconfig.is_some())
    }

    /// The election's times.
    pub fn retry(&self) -> Duration {
        Duration::from_millis(self.retry_period)
    }

    /// Where decisions are logged, if they are.
    pub fn log_options(&self) -> Option<LogOptions> {
        Some(LogOptions {
            folder: self.decision_log.clone()?,
            bytes_max: self.decision_log_size << 20,
            files_max: self.decision_log_files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_leader_must_stop_before_another_begins() {
        let cli = Cli::parse_from(["quota-controller", "--renew-deadline", "15"]);
        assert!(
            cli.check()
                .unwrap_err()
                .contains("--renew-deadline 15 must be below")
        );
    }

    #[test]
    fn the_defaults_make_sense() {
        assert_eq!(Cli::parse_from(["quota-controller"]).check(), Ok(()));
    }
}
