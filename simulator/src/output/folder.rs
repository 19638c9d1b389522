//! A results folder that is whole or not there: written aside, then renamed.

use super::tables;
use crate::problem::{Failure, Problem};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files that a results folder may hold, tables apart.
const FILES: [&str; 4] = [
    "summary.json",
    "comparison.json",
    "decisions.jsonl",
    "report.html",
];

/// A folder that is being written. Dropped without [`Folder::keep`], it leaves no trace.
#[derive(Debug)]
pub struct Folder {
    target: PathBuf,
    aside: PathBuf,
    is_kept: bool,
}

impl Folder {
    /// Makes the folder aside. What is at `target` stays as it is until [`Folder::keep`].
    ///
    /// # Errors
    /// There is something at `target` that is not ours, or nothing can be written beside it.
    pub fn create(target: &Path) -> Result<Folder, Failure> {
        refuse_what_is_not_ours(target)?;
        let aside = beside(target, "part");
        let made = target
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::create_dir(&aside));
        made.map_err(|error| cannot("be made", &aside, &error))?;
        Ok(Folder {
            target: target.to_owned(),
            aside,
            is_kept: false,
        })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.aside
    }

    /// Where it will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the folder its name. An earlier result there is replaced.
    ///
    /// # Errors
    /// It cannot be renamed, or what is there now is not ours.
    pub fn keep(mut self) -> Result<(), Failure> {
        refuse_what_is_not_ours(&self.target)?;
        let error = |error| cannot("be put in place", &self.target, &error);
        if self.target.exists() {
            let old = beside(&self.target, "old");
            fs::rename(&self.target, &old).map_err(error)?;
            if let Err(cause) = fs::rename(&self.aside, &self.target) {
                // Better the earlier result than none.
                let _ = fs::rename(&old, &self.target);
                return Err(error(cause));
            }
            fs::remove_dir_all(&old).map_err(error)?;
        } else {
            fs::rename(&self.aside, &self.target).map_err(error)?;
        }
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // There is nobody left to tell.
            let _ = fs::remove_dir_all(&self.aside);
        }
    }
}

/// A hidden sibling of `target`. The process's number keeps two runs into one folder apart.
fn beside(target: &Path, what: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}.{what}", std::process::id()))
}

fn refuse_what_is_not_ours(target: &Path) -> Result<(), Failure> {
    if target.file_name().is_none() {
        return Err(Problem::error("is no name for a results folder")
            .in_file(target.display().to_string())
            .hint("name a folder that does not exist yet, as results/today")
            .into());
    }
    let stranger = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot("be read", target, &error)),
        Ok(metadata) if metadata.is_dir() => {
            find_stranger(target).map_err(|error| cannot("be read", target, &error))?
        }
        Ok(_) => Some(target.to_owned()),
    };
    match stranger {
        None => Ok(()),
        Some(stranger) => Err(Problem::error(format!(
            "holds {}, which is not part of a result: nothing was written or deleted",
            stranger.display()
        ))
        .in_file(target.display().to_string())
        .hint("choose another folder with --out, or move that away")
        .into()),
    }
}

/// Something in the folder that we would never have written.
fn find_stranger(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let holds = |name: &str| entries.iter().any(|entry| entry.file_name() == name);
    let is_comparison = holds("comparison.json");
    let is_ours = entries.is_empty() || is_comparison || holds("summary.json");
    for entry in &entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            // The results that a comparison is made of; one level, as we write them.
            let nested = is_comparison && path.join("summary.json").is_file();
            match nested {
                true => match find_stranger(&path)? {
                    None => {}
                    stranger => return Ok(stranger),
                },
                false => return Ok(Some(path)),
            }
        } else if !is_ours || !is_our_file(&entry.file_name().to_string_lossy()) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn is_our_file(name: &str) -> bool {
    FILES.contains(&name)
        || tables::NAMES.iter().any(|table| {
            name.strip_prefix(table)
                .is_some_and(|rest| rest == ".parquet" || rest == ".csv")
        })
}

/// A failure to do something with a path.
pub fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Problem::error(format!("cannot {what}: {error}"))
        .in_file(path.display().to_string())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_whole_at_the_end() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("deep/out");
        let folder = Folder::create(&target).unwrap();
        fs::write(folder.path().join("summary.json"), "{}").unwrap();
        assert!(!target.exists());
        folder.keep().unwrap();
        assert_eq!(names(&target), ["summary.json"]);
        assert_eq!(names(&home.path().join("deep")), ["out"]);
    }

    #[test]
    fn a_folder_that_is_given_up_leaves_the_earlier_result_and_no_trace() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("summary.json"), "old").unwrap();
        let folder = Folder::create(&target).unwrap();
        fs::write(folder.path().join("summary.json"), "new").unwrap();
        drop(folder);
        assert_eq!(
            fs::read_to_string(target.join("summary.json")).unwrap(),
            "old"
        );
        assert_eq!(names(home.path()), ["out"]);
    }

    #[test]
    fn an_earlier_result_is_replaced_as_a_whole() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out");
        fs::create_dir_all(target.join("leasehold")).unwrap();
        fs::write(target.join("comparison.json"), "{}").unwrap();
        fs::write(target.join("leasehold/summary.json"), "{}").unwrap();
        fs::write(target.join("leasehold/pods.csv"), "").unwrap();
        let folder = Folder::create(&target).unwrap();
        fs::write(folder.path().join("summary.json"), "{}").unwrap();
        folder.keep().unwrap();
        assert_eq!(names(&target), ["summary.json"]);
        assert_eq!(names(home.path()), ["out"]);
    }

    #[test]
    fn a_folder_with_anything_of_somebody_else_is_refused_and_untouched() {
        for (files, stranger) in [
            (&["thesis.txt"][..], "thesis.txt"),
            (&["summary.json", "thesis.txt"], "thesis.txt"),
            (&["pods.parquet.bak", "summary.json"], "pods.parquet.bak"),
            // Tables without a summary may be anybody's.
            (&["pods.csv"], "pods.csv"),
        ] {
            let home = tempfile::tempdir().unwrap();
            for file in files {
                fs::write(home.path().join(file), "mine").unwrap();
            }
            let message = Folder::create(home.path()).unwrap_err().to_string();
            assert!(message.contains(stranger), "{message}");
            assert_eq!(names(home.path()), files);
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out");
        fs::write(&target, "mine").unwrap();
        assert!(Folder::create(&target).is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    }
}
