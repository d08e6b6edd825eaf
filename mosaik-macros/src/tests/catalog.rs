//! Pairs the catalogue with `ui-tests/fail/`, and writes `docs/errors.md` from both.
//!
//! `MOSAIK_BLESS=1 cargo test -p mosaik-macros` writes the page again.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use crate::diag::catalog::bounds::{BY_BOUNDS, MORE};

const SOURCE: &str = concat!(
    include_str!("../diag/catalog.rs"),
    include_str!("../diag/catalog/groups.rs"),
    include_str!("../diag/catalog/collections.rs"),
    include_str!("../diag/catalog/proofs.rs")
);

const INTRODUCTION: &str = "# What the attributes say

This page is generated from the catalogue of messages (`mosaik-macros/src/diag/catalog.rs`) and from the tests that provoke each of
them (`ui-tests/fail/`). Every mistake gives one error, at the smallest piece of text that is wrong; where two places matter, the
second one is named too. After an error the item still exists, so that nothing else is reported because of it.
";

const COMPILER: &str = "
## What the compiler says by itself

### E0119: conflicting implementations of `Serialize`

An attribute of mosaik derives serde. A `#[derive(Serialize)]` below the attribute is seen and explained; one that stands *above* it
is not, because the compiler has already run it. Remove the derive, or write `serde = own` in the attribute and keep yours.

### E0428: the name is defined multiple times

Beside the function of a node stands a type with the same name. A module, struct or enum of that name in the same place is in its
way: rename one of the two.

### E0412: cannot find type `LedgerHandle`

`#[methods]` fills the types that `#[group]` declares beside `Ledger`. Put `#[group(state_machine, …)]` on the type, and the impl block
with `#[methods]` into the same module.

### E0119: conflicting implementations of `StateMachine`

A type has one block with `#[methods]`: the whole set of commands is what members compare. Move the methods into one block; helpers
that are no commands may stand in other impl blocks, without the attribute.

### Errors of serde beside ours

A field whose type has no serde impl at all is also reported by serde's own derives. The first of these errors is ours, and what it
asks for removes them all.
";

/// One entry: the section it is in, what the mistake is, and its file.
struct Entry {
    section: String,
    title: String,
    file: String,
}

fn entries() -> Vec<Entry> {
    let mut section = String::new();
    let mut title = String::new();
    let mut entries = Vec::new();
    for line in SOURCE.lines() {
        if let Some(file) = line.strip_prefix("/// ui: ") {
            let entry =
                Entry { section: section.clone(), title: std::mem::take(&mut title), file: file.to_owned() };
            entries.push(entry);
        } else if let Some(text) = line.strip_prefix("/// ") {
            title = text.to_owned();
        } else if let Some(text) = line.strip_prefix("// ") {
            section = text.trim_end_matches('.').to_owned();
        }
    }
    for (section, list) in [("Further cases", MORE), ("Bounds", BY_BOUNDS)] {
        entries.extend(list.iter().map(|(title, file)| Entry {
            section: section.to_owned(),
            title: (*title).to_owned(),
            file: (*file).to_owned(),
        }));
    }
    entries
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut section = String::new();
    for entry in entries() {
        if entry.section != section {
            section = entry.section;
            let _ = write!(page, "\n## {section}\n");
        }
        let said = root().join("ui-tests/fail").join(&entry.file).with_extension("stderr");
        let said = fs::read_to_string(&said).unwrap_or_else(|error| panic!("{}: {error}", said.display()));
        let said: Vec<_> =
            said.lines().filter(|line| !line.trim_start().starts_with("--> ")).take(24).collect();
        let title = entry.title.trim_end_matches('.');
        let _ = write!(page, "\n### {title}\n\n```text\n{}\n```\n", said.join("\n").trim_end());
    }
    page + COMPILER
}

#[test]
fn every_message_has_exactly_one_test() {
    let listed: Vec<_> = entries().into_iter().map(|entry| entry.file).collect();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "two entries name one file");
    let messages = SOURCE.matches("-> Diag {").count();
    assert_eq!(messages + BY_BOUNDS.len() + MORE.len(), listed.len(), "an entry has no line `ui:`");
    let mut found = BTreeSet::new();
    for folder in fs::read_dir(root().join("ui-tests/fail")).expect("a folder") {
        let folder = folder.expect("a folder").path();
        for file in fs::read_dir(&folder).expect("files") {
            let path = file.expect("a file").path().with_extension("");
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.insert(format!("{}/{}", name(&folder), name(&path)));
        }
    }
    assert_eq!(unique, found, "catalogue (left) and ui tests (right) differ");
}

#[test]
fn the_page_of_errors_is_up_to_date() {
    let path = root().join("docs/errors.md");
    let page = page();
    if std::env::var_os("MOSAIK_BLESS").is_some() {
        fs::write(&path, &page).expect("writes");
    }
    let now = fs::read_to_string(&path).unwrap_or_default();
    assert!(now == page, "docs/errors.md is stale: run `MOSAIK_BLESS=1 cargo test -p mosaik-macros`");
}

/// First lines as `MACROS` wants them: lower case or code first, no full stop, none of the words that say nothing.
#[test]
fn messages_keep_their_manners() {
    for entry in entries().iter().filter(|entry| entry.section != "Bounds") {
        let said = root().join("ui-tests/fail").join(&entry.file).with_extension("stderr");
        let said = fs::read_to_string(said).expect("a text");
        let lines: Vec<_> = said.lines().collect();
        let first = lines.first().and_then(|line| line.strip_prefix("error: ")).unwrap_or_default();
        assert!(
            first.starts_with(|c: char| c.is_lowercase() || c.is_ascii_digit() || c == '`'),
            "{}: {first}",
            entry.file
        );
        assert!(!first.ends_with('.'), "{}: {first}", entry.file);
        for word in ["invalid", "unexpected", "failed to", "macro"] {
            assert!(!said.contains(word), "{}: says `{word}`", entry.file);
        }
        let errors = lines.iter().filter(|line| line.starts_with("error")).count();
        assert!(errors == 1 || entry.file.ends_with("/option_twice"), "{}: {errors} errors", entry.file);
        assert!(lines.len() <= 12, "{}: {} lines", entry.file, lines.len());
    }
}
