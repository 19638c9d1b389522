//! Ends a control plane when its owner is gone, however that went.
//!
//! All programs are in one process group. A shell holds the reading end of a pipe that the owner never writes to; when
//! the pipe closes, because the owner let go or was killed, the shell kills the group and removes the folder. This
//! needs nothing but POSIX, and no program of ours that somebody would have to build first.

use crate::error::Error;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Exists so that the group does, and its number is nobody else's, for as long as the guard may kill it.
const LEADER: &str = "read -r line";

/// `$1` is the group, `$2` the folder, or nothing if it shall stay. Where nobody collects killed orphans they look
/// alive forever, so the wait for the group's end has one.
const GUARD: &str = r#"
read -r line
kill -s KILL -- "-$1"
turns=0
while kill -s 0 -- "-$1" && [ "$turns" -lt 40 ]; do
    sleep 0.05
    turns=$((turns + 1))
done
[ -z "$2" ] || rm -rf -- "$2"
"#;

/// Watches over a process group and a folder.
#[derive(Debug)]
pub(crate) struct Guard {
    leader: Child,
    guard: Child,
    group: i32,
}

impl Guard {
    /// Begins to watch over `folder` and over the programs that will be started in [`Guard::group`].
    pub(crate) fn start(folder: Option<&Path>) -> Result<Guard, Error> {
        let shell = |script: &str| {
            let mut command = Command::new("/bin/sh");
            command
                .args(["-c", script, "testbed-guard"])
                .current_dir("/")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                // Not in the owner's group, where Ctrl-C would end it before its work.
                .process_group(0);
            command
        };
        let leader = shell(LEADER).spawn().map_err(Error::doing("run /bin/sh"))?;
        let group = i32::try_from(leader.id())
            .map_err(|_| Error::Other(format!("process id {} is too large", leader.id())))?;
        let guard = shell(GUARD)
            .arg(group.to_string())
            .arg(folder.unwrap_or(Path::new("")))
            .spawn()
            .map_err(Error::doing("run /bin/sh"))?;
        Ok(Guard {
            leader,
            guard,
            group,
        })
    }

    /// The process group that ends with the guard.
    pub(crate) fn group(&self) -> i32 {
        self.group
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The same way as when we die, so that it is used, and tested, every time.
        drop(self.guard.stdin.take());
        // Held open, so that the guard ends the leader and no number is free before it is killed; and collected
        // first, because a dead child that nobody asked for still counts as one of the group.
        let open = self.leader.stdin.take();
        let _ = self.leader.wait();
        drop(open);
        let _ = self.guard.wait();
    }
}
