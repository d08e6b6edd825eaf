//! The tree keeps its own rules: who may import whom, lengths, what tests may not do, and documents that are complete.
//!
//! Each test lists everything that breaks its rule at once, with file and line. The rules are those of the book's
//! chapter on architecture.

mod code;
mod documents;
mod source;
mod tree;

use source::{File, Place};

/// Fails with every finding on a line of its own.
#[track_caller]
fn nothing(rule: &str, findings: impl IntoIterator<Item = String>) {
    let findings: Vec<String> = findings.into_iter().collect();
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

/// Looks at every reachable Rust file.
fn each_file(look: impl Fn(&File) -> Vec<(Place, String)>) -> Vec<String> {
    let all = source::files();
    assert!(all.len() > 40, "the walk found only {} files", all.len());
    let findings = all.iter().flat_map(|file| {
        let found = look(file).into_iter();
        found.map(|(place, text)| format!("{}:{}: {text}", file.path, place.line)).collect::<Vec<_>>()
    });
    findings.collect()
}
