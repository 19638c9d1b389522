//! What is judged when a test ends: pods within their leases, decisions as the engine makes them again.

use crate::{Installation, Result};
use decision_log::Replay;
use std::path::Path;
use testbed::record::{Bound, Recording};

impl Installation {
    /// Judges a recording: the pods of each namespace never asked for more CPU than it may, at any version of the store.
    ///
    /// # Errors
    /// What was more, or that something is not known.
    pub async fn judge(&self, recording: Recording, limits: &[(&str, &str)]) -> Result<()> {
        let history = recording.stop().await?;
        for &(namespace, cpu) in limits {
            let findings = Bound::new([namespace], [("cpu", cpu)])?.check(&history)?;
            if !findings.is_clean() {
                return Err(format!("{namespace} is not within {cpu} CPU: {findings:#?}").into());
            }
        }
        Ok(())
    }

    /// Decides again what the controllers have logged until now. Returns how many decisions there were.
    ///
    /// # Errors
    /// The first difference.
    pub fn replay_all(&self) -> Result<u64> {
        let mut decisions = 0;
        for entry in std::fs::read_dir(self.decisions_folder())? {
            decisions += replay(&entry?.path())?;
        }
        if decisions == 0 {
            return Err("nothing was decided".into());
        }
        Ok(decisions)
    }
}

/// Decides again what a controller's logs in a folder say, oldest first.
///
/// # Errors
/// The first line that cannot be read, or where the engine decides something else.
pub fn replay(folder: &Path) -> Result<u64> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    // `decisions.jsonl` is the newest, `decisions.2.jsonl` older than `decisions.1.jsonl`.
    files.sort_by_key(|path| std::cmp::Reverse(age(path)));
    let mut replay = Replay::new();
    for path in files {
        let text = std::fs::read(&path)?;
        for (at, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let place = || format!("{}:{}", path.display(), at + 1);
            let line = match decision_log::read(line) {
                Ok(line) => line,
                // A controller may be writing it, or was killed while it did.
                Err(malformed) if malformed.is_cut => continue,
                Err(malformed) => return Err(format!("{}: {malformed}", place()).into()),
            };
            if let Err(difference) = replay.follow(&line) {
                return Err(format!("{}: {difference:#?}", place()).into());
            }
        }
    }
    Ok(replay.counts().decisions)
}

fn age(path: &Path) -> u32 {
    let name = path.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.split('.').nth(1));
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}
