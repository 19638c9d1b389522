//! The stock scheduler, configured by the file of `deploy/scheduler/` that an administrator would give it.

use crate::files::{read, write_secret};
use crate::{Installation, Mode, Result, SYSTEM};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use testbed::{Extender, Scheduler};

/// What is read of a scheduler's configuration.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    percentage_of_nodes_to_score: u32,
    #[serde(default)]
    profiles: Vec<Profile>,
    extenders: Vec<Extender>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    scheduler_name: String,
}

/// The files of one of the Secrets that the controller makes.
pub(crate) struct TlsFiles {
    folder: PathBuf,
}

impl TlsFiles {
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("tls.crt")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("tls.key")
    }
}

impl Installation {
    /// Waits for a Secret that the controller makes, and writes it into files.
    pub(crate) async fn fetch_tls(&self, secret: &str) -> Result<TlsFiles> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), SYSTEM);
        let what = format!("the controller makes Secret {secret}");
        let data = self
            .eventually(&what, async || {
                let data = secrets.get_opt(secret).await.ok()??.data?;
                data.contains_key("tls.crt").then_some(data)
            })
            .await?;
        let folder = self.cluster.folder().join(secret);
        for (name, bytes) in data {
            write_secret(&folder.join(name), &bytes.0)?;
        }
        Ok(TlsFiles { folder })
    }
}

/// The scheduler of this mode, asking the plugin at `plugin`.
pub(crate) fn scheduler(mode: Mode, plugin: SocketAddr, tls: &TlsFiles) -> Result<Scheduler> {
    let text = read(&format!("deploy/scheduler/{}.yaml", mode.name()))?;
    let configuration = match mode {
        Mode::OwnScheduler => configuration_of_map(&text)?,
        _ => text,
    };
    let configuration: Configuration = serde_saphyr::from_str(&configuration)?;
    let name = configuration.profiles.first();
    let name = name.map_or("default-scheduler", |profile| &profile.scheduler_name);
    let mut scheduler = Scheduler::named(name);
    scheduler.configuration.insert(
        "percentageOfNodesToScore".to_owned(),
        configuration.percentage_of_nodes_to_score.into(),
    );
    for mut extender in configuration.extenders {
        extender.url_prefix = format!("https://{plugin}");
        let own = |path: PathBuf| -> Option<PathBuf> { Some(path) };
        if let Some(files) = &mut extender.tls_config {
            files.ca_file = own(tls.authority());
            files.cert_file = own(tls.certificate());
            files.key_file = own(tls.key());
        }
        scheduler = scheduler.extended(extender);
    }
    Ok(scheduler)
}

/// The configuration within the ConfigMap of a file of many objects.
fn configuration_of_map(text: &str) -> Result<String> {
    let map = text
        .split("\n---\n")
        .find(|object| object.contains("kind: ConfigMap"))
        .ok_or("no ConfigMap in the file")?;
    let map: ConfigMap = serde_saphyr::from_str(map)?;
    let data = map.data.and_then(|mut data| data.remove("config.yaml"));
    data.ok_or_else(|| "no config.yaml in the ConfigMap".into())
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}
