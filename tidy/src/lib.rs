//! Reads the source tree: what no compiler checks, because it is about files, comments and documents.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// A file of the tree.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path from the root of the checkout.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// All files under `root` with this extension, in the order of their paths, build results left out.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn sources(root: &Path, extension: &str) -> std::io::Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_ours = !name.starts_with('.') && name != "target" && name != "results";
            if path.is_dir() && is_ours {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(Source {
                    text: std::fs::read_to_string(&path)?,
                    path: path.strip_prefix(root).unwrap_or(&path).to_path_buf(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Files that no `mod` names: nobody compiles them, so nobody would notice that they no longer could be.
pub fn forgotten(files: &[Source]) -> Vec<&Path> {
    let mut named: BTreeSet<PathBuf> = BTreeSet::new();
    for file in files {
        let folder = file.path.parent().unwrap_or(Path::new(""));
        // Where the modules that this file names lie, unless it says so itself.
        let inside = match file.path.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "main" | "mod") | None => folder.to_path_buf(),
            Some(_) if is_root(&file.path) => folder.to_path_buf(),
            Some(stem) => folder.join(stem),
        };
        let mut path = None;
        for line in file.text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("#[path = \"") {
                path = rest.split('"').next();
            } else if let Some(name) = module_name(line) {
                match path.take() {
                    Some(path) => {
                        named.insert(normal(&folder.join(path)));
                    }
                    None => {
                        named.insert(inside.join(format!("{name}.rs")));
                        named.insert(inside.join(name).join("mod.rs"));
                    }
                }
            }
        }
    }
    let paths = files.iter().map(|file| file.path.as_path());
    paths
        .filter(|path| !is_root(path) && !named.contains(*path))
        .collect()
}

/// The module that a line such as `pub(crate) mod name;` names.
fn module_name(line: &str) -> Option<&str> {
    let line = line.strip_suffix(';')?;
    let (before, name) = line.rsplit_once("mod ")?;
    let visible = before.is_empty() || before.starts_with("pub");
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (visible && is_name).then_some(name)
}

/// Whether Cargo compiles the file by itself.
fn is_root(path: &Path) -> bool {
    let parts: Vec<&str> = path
        .components()
        .filter_map(|part| part.as_os_str().to_str())
        .collect();
    matches!(
        parts.as_slice(),
        [.., "src", "lib.rs" | "main.rs"]
            | [.., "src", "bin", _]
            | [.., "src", "bin", _, "main.rs"]
            | [_, "build.rs"]
            | [_, "tests" | "benches" | "examples", _]
            | [_, "tests" | "benches" | "examples", _, "main.rs"]
    )
}

/// Without `a/../`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// The variants of `pub enum NAME` in a file, with their values where they have some.
pub fn variants(text: &str, name: &str) -> Vec<(String, Option<String>)> {
    let head = format!("pub enum {name} {{");
    let body = text.split_once(&head).map_or("", |(_, rest)| rest);
    body.lines()
        .map(str::trim)
        .take_while(|line| *line != "}")
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| {
            let line = line.trim_end_matches(',');
            match line.split_once(" = ") {
                Some((name, value)) => (name.into(), Some(value.into())),
                None => (line.into(), None),
            }
        })
        .collect()
}

/// `BorrowKill` as it is written on a command line: `borrow-kill`.
pub fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}
