//! The checks.

use crate::{Source, forgotten, kebab, sources, variants};
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn rust_files() -> Vec<Source> {
    let files = sources(root(), "rs").unwrap();
    assert!(
        files.len() > 50,
        "the tree was not found: {} files",
        files.len()
    );
    files
}

/// The text of the documents for users.
fn documents() -> String {
    let documents = sources(&root().join("docs"), "md").unwrap();
    documents
        .into_iter()
        .map(|document| document.text)
        .collect()
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn every_module_begins_with_what_it_is() {
    let files = rust_files();
    let bare: Vec<_> = files
        .iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| &file.path)
        .collect();
    assert!(bare.is_empty(), "a `//!` head is missing in {bare:?}");
}

#[test]
fn every_file_is_compiled() {
    let files = rust_files();
    let forgotten = forgotten(&files);
    assert!(forgotten.is_empty(), "no `mod` names {forgotten:?}");
}

#[test]
fn every_policy_is_in_the_documents() {
    let policies = variants(&text_of("simulator/src/model.rs"), "Policy");
    assert!(policies.len() >= 6, "{policies:?}");
    let documents = documents();
    for (policy, _) in policies {
        let name = format!("`{}`", kebab(&policy));
        assert!(
            documents.contains(&name),
            "docs/ does not say what the policy {name} is"
        );
    }
}

#[test]
fn every_exit_status_is_in_the_documents() {
    let statuses = variants(&text_of("simulator/src/problem.rs"), "Exit");
    assert!(statuses.len() >= 4, "{statuses:?}");
    let documents = documents();
    for (name, status) in statuses {
        let row = format!("| {} |", status.unwrap_or_default());
        assert!(
            documents.contains(&row),
            "docs/ has no row `{row}` for the exit status {name}"
        );
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in sources(root(), "md").unwrap() {
        let folder = root().join(document.path.parent().unwrap());
        for link in document.text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            let is_local = !target.is_empty() && !target.contains("://");
            assert!(
                !is_local || folder.join(target).exists(),
                "{} links to {target}, which is not there",
                document.path.display()
            );
        }
    }
}

fn file(path: &str, text: &str) -> Source {
    Source {
        path: path.into(),
        text: text.into(),
    }
}

#[test]
fn a_file_that_no_mod_names_is_found() {
    let files = [
        file("a/src/lib.rs", "mod b;\npub(crate) mod c;\n// mod e;\n"),
        file("a/src/b.rs", "#[cfg(test)]\nmod tests;\n"),
        file("a/src/b/tests.rs", ""),
        file("a/src/c/mod.rs", "mod d;"),
        file("a/src/c/d.rs", ""),
        file("a/src/e.rs", ""),
        file("a/src/c/f.rs", ""),
        file("a/src/bin/tool.rs", ""),
        file(
            "a/tests/one/main.rs",
            "#[path = \"../support/mod.rs\"]\nmod support;\nmod two;",
        ),
        file("a/tests/one/two.rs", ""),
        file("a/tests/support/mod.rs", ""),
        file("a/tests/gone/three.rs", ""),
    ];
    let found = forgotten(&files);
    assert_eq!(
        found,
        ["a/src/e.rs", "a/src/c/f.rs", "a/tests/gone/three.rs"].map(Path::new)
    );
}

#[test]
fn variants_are_read_with_their_values() {
    let text = "/// Doc.\npub enum Exit {\n    /// Fine.\n    Success = 0,\n    BadInput = 2,\n}\npub enum Other {\n    X,\n}\n";
    let expected = [
        ("Success".into(), Some("0".into())),
        ("BadInput".into(), Some("2".into())),
    ];
    assert_eq!(variants(text, "Exit"), expected);
    assert_eq!(variants(text, "Other"), [("X".into(), None)]);
    assert_eq!(kebab("BorrowKill"), "borrow-kill");
}
