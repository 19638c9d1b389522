//! What an installation shall be like.

use std::path::PathBuf;
use testbed::{NodeGroup, User};

/// How the scheduler asks the extender (docs/install.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// The cluster's own scheduler asks about every pod.
    #[default]
    DefaultScheduler,
    /// A second scheduler places leased pods.
    OwnScheduler,
    /// The cluster's own scheduler asks about leased pods.
    Mark,
}

impl Mode {
    /// Its name, as in the file `deploy/scheduler/NAME.yaml`.
    pub fn name(self) -> &'static str {
        match self {
            Mode::DefaultScheduler => "default-scheduler",
            Mode::OwnScheduler => "own-scheduler",
            Mode::Mark => "mark",
        }
    }
}

/// What an installation shall be like.
#[derive(Clone, Debug)]
pub struct Setup {
    pub(crate) program: PathBuf,
    pub(crate) nodes: Vec<NodeGroup>,
    pub(crate) mode: Mode,
    pub(crate) users: Vec<User>,
    pub(crate) controller_arguments: Vec<String>,
    pub(crate) api_server_arguments: Vec<String>,
    pub(crate) is_limited: bool,
    pub(crate) is_quick_to_follow: bool,
    pub(crate) folder: Option<PathBuf>,
}

impl Setup {
    /// One controller, one plugin, mode `default-scheduler`, no node. `program` is this crate's own binary, which
    /// plays both programs (see [`crate::run_as`]).
    pub fn new(program: impl Into<PathBuf>) -> Setup {
        Setup {
            program: program.into(),
            nodes: Vec::new(),
            mode: Mode::default(),
            users: Vec::new(),
            controller_arguments: Vec::new(),
            api_server_arguments: Vec::new(),
            is_limited: true,
            is_quick_to_follow: true,
            folder: None,
        }
    }

    /// With these nodes. More can be added later.
    #[must_use]
    pub fn nodes(mut self, nodes: impl IntoIterator<Item = NodeGroup>) -> Setup {
        self.nodes.extend(nodes);
        self
    }

    /// In another mode.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Setup {
        self.mode = mode;
        self
    }

    /// With users who have no rights yet.
    #[must_use]
    pub fn users(mut self, users: impl IntoIterator<Item = User>) -> Setup {
        self.users.extend(users);
        self
    }

    /// With further arguments for each controller.
    #[must_use]
    pub fn controller_arguments<A: Into<String>>(
        mut self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Setup {
        self.controller_arguments
            .extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With further arguments for the API server.
    #[must_use]
    pub fn api_server_arguments(mut self, arguments: impl IntoIterator<Item = String>) -> Setup {
        self.api_server_arguments.extend(arguments);
        self
    }

    /// Leadership lasts as long as in a cluster, not as short as a test of its change needs it: a busy machine does not end it.
    #[must_use]
    pub fn with_usual_leadership(mut self) -> Setup {
        self.is_quick_to_follow = false;
        self
    }

    /// For load tests: the API server does not limit how many requests it works on at once.
    #[must_use]
    pub fn without_flow_control(mut self) -> Setup {
        self.is_limited = false;
        self
    }

    /// With its files in this folder, which stays; else in one that goes with the cluster.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Setup {
        self.folder = Some(folder.into());
        self
    }
}
