//! Who may use a cluster: users with their tokens, and what each of them reaches the API server with.

use crate::error::Error;
use crate::file::{random_token, write_private};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use std::path::{Path, PathBuf};

/// A user whom the API server knows from its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, as roles are bound to it.
    pub name: String,
    /// The groups; members of `system:masters` may do everything.
    pub groups: Vec<String>,
}

impl User {
    /// A user of these groups.
    pub fn new<'a>(name: &str, groups: impl IntoIterator<Item = &'a str>) -> User {
        User {
            name: name.into(),
            groups: groups.into_iter().map(String::from).collect(),
        }
    }
}

/// What one user reaches a cluster with.
#[derive(Clone, Debug)]
pub struct Access {
    /// The user's name.
    pub name: String,
    /// What proves it to the API server; a TokenReview accepts it too.
    pub token: String,
    /// The same for `kubectl` and for programs.
    pub kubeconfig: PathBuf,
}

impl Access {
    /// A client that acts as this user.
    ///
    /// # Errors
    /// When the kubeconfig file can no longer be read.
    pub async fn client(&self) -> Result<Client, Error> {
        client_from(&self.kubeconfig).await
    }
}

/// A client that acts as a kubeconfig file says.
///
/// # Errors
/// When the file cannot be read.
pub async fn client_from(kubeconfig: &Path) -> Result<Client, Error> {
    let unreadable = |error: kube::config::KubeconfigError| {
        Error::Other(format!("cannot read {}: {error}", kubeconfig.display()))
    };
    let read = Kubeconfig::read_from(kubeconfig).map_err(unreadable)?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    Client::try_from(config.map_err(unreadable)?).map_err(Error::api("make a client"))
}

/// Writes kubeconfig files for one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// Where the API server listens, such as `https://127.0.0.1:20001`.
    pub(crate) url: String,
    /// The certificate that it is trusted by.
    pub(crate) authority: PathBuf,
    /// Where the files go.
    pub(crate) folder: PathBuf,
}

impl Door {
    /// Access for a user with this token.
    pub(crate) fn access(&self, name: &str, token: &str) -> Result<Access, Error> {
        // A user's name may have slashes and colons.
        let file = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let kubeconfig = self.folder.join(format!("{file}.kubeconfig"));
        self.write(&kubeconfig, name, token)?;
        Ok(Access {
            name: name.into(),
            token: token.into(),
            kubeconfig,
        })
    }

    /// Writes such a file to any place.
    pub(crate) fn write(&self, path: &Path, name: &str, token: &str) -> Result<(), Error> {
        let cluster = "leasehold-testbed";
        let text = api::to_yaml(&json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": cluster,
                "cluster": {"server": self.url, "certificate-authority": self.authority},
            }],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": name}}],
            "current-context": cluster,
        }));
        write_private(path, &text)
    }
}

/// A new token for each of these users, and the file by which the API server knows them.
pub(crate) fn write_tokens(path: &Path, users: &[User]) -> Result<Vec<String>, Error> {
    let mut text = String::new();
    let mut tokens = Vec::new();
    for (number, user) in users.iter().enumerate() {
        let token = random_token()?;
        let groups = user.groups.join(",");
        text += &format!("{token},{},{number},\"{groups}\"\n", user.name);
        tokens.push(token);
    }
    write_private(path, &text)?;
    Ok(tokens)
}
