//! How a kube-scheduler shall be configured: its name and its extenders.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// A kube-scheduler. The default is the stock one, without extenders.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduler {
    /// Which pods it schedules, by their `schedulerName`.
    pub name: String,
    /// The services that it asks beside its own plugins.
    pub extenders: Vec<Extender>,
    /// Further fields of its `KubeSchedulerConfiguration`, such as `percentageOfNodesToScore`.
    pub configuration: Map<String, Value>,
}

impl Default for Scheduler {
    fn default() -> Scheduler {
        Scheduler::named("default-scheduler")
    }
}

impl Scheduler {
    /// The stock one, for pods with this `schedulerName`.
    pub fn named(name: &str) -> Scheduler {
        Scheduler {
            name: name.into(),
            extenders: Vec::new(),
            configuration: Map::new(),
        }
    }

    /// The same with one more extender.
    #[must_use]
    pub fn extended(mut self, extender: Extender) -> Scheduler {
        self.extenders.push(extender);
        self
    }

    /// Its configuration file.
    pub(crate) fn file(&self, kubeconfig: &Path) -> Value {
        let mut file = json!({
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            // The usual 50 and 100 would be what a load test measures.
            "clientConnection": {"kubeconfig": kubeconfig, "qps": 5000, "burst": 10000},
            "leaderElection": {"leaderElect": false},
            "profiles": [{"schedulerName": self.name}],
            "extenders": self.extenders,
        });
        if let Value::Object(fields) = &mut file {
            for (name, value) in &self.configuration {
                fields.insert(name.clone(), value.clone());
            }
        }
        file
    }
}

/// A service that a scheduler asks, in the words of kube-scheduler's configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Extender {
    /// Where it listens, such as `https://127.0.0.1:9443`; a verb is appended after a slash.
    pub url_prefix: String,
    /// The verb that leaves out nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_verb: Option<String>,
    /// The verb that scores nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prioritize_verb: Option<String>,
    /// The verb that says which pods may be evicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preempt_verb: Option<String>,
    /// The verb that binds a pod in the scheduler's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind_verb: Option<String>,
    /// What its scores are multiplied by; needed with `prioritize_verb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// Whether it is asked over TLS.
    #[serde(default, rename = "enableHTTPS")]
    pub enable_https: bool,
    /// The certificates for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<ExtenderTls>,
    /// How long a request may take, such as `5s`.
    #[serde(
        default,
        rename = "httpTimeout",
        skip_serializing_if = "Option::is_none"
    )]
    pub http_timeout: Option<String>,
    /// Whether it is sent the names of nodes instead of nodes.
    #[serde(default)]
    pub node_cache_capable: bool,
    /// Asked only about pods that want one of these; about all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managed_resources: Vec<ManagedResource>,
    /// Whether pods are scheduled without it while it does not answer.
    #[serde(default)]
    pub ignorable: bool,
}

impl Extender {
    /// The list under `extenders:` in a scheduler's configuration.
    ///
    /// # Errors
    /// What cannot be read, with its line.
    pub fn list_from_yaml(text: &str) -> Result<Vec<Extender>, Error> {
        serde_saphyr::from_str(text)
            .map_err(|error| Error::Other(format!("cannot read the list of extenders: {error}")))
    }
}

/// The certificates with which a scheduler and its extender know each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExtenderTls {
    /// Whether anybody is believed to be the extender.
    #[serde(default)]
    pub insecure: bool,
    /// Which host name its certificate must be for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The authority that must have signed its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The certificate that the scheduler shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// A resource that an extender manages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManagedResource {
    /// Its name.
    pub name: String,
    /// Whether the scheduler itself does not look whether a node has it.
    pub ignored_by_scheduler: bool,
}
