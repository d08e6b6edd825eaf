//! Rules about documents.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenTree;

use super::{code::outside_tests, nothing, source, tree};

/// Commands that documents show and `.ci/run` does not run as they stand.
const BY_HAND: [(&str, &str); 7] = [
    (
        "cargo bench --bench collections",
        "measures for minutes on a quiet machine; .ci/run runs it with `--quick`",
    ),
    (
        "cargo test -p mosaik-tests --test scenarios scale:: -- --include-ignored",
        "a thousand simulated nodes take a core for minutes; every run has two hundred",
    ),
    (
        "cargo run -p mosaik-tests --bin soak -- --for 600",
        "takes ten minutes; a test runs it for a few seconds",
    ),
    (
        "cargo install cargo-fuzz",
        "a tool of its own, which CI does not need: the inputs are replayed by a test",
    ),
    (
        "cargo bench --bench streams",
        "measures for many minutes on a quiet machine; .ci/run runs one case of it",
    ),
    ("cargo bench --bench groups", "measures for minutes on a quiet machine; .ci/run runs one case of it"),
    (
        "cargo bench --bench discovery",
        "measures for many minutes on a quiet machine; .ci/run runs one case of it",
    ),
];

#[test]
fn no_file_names_a_path_of_a_machine() {
    // In parts, so that this file is not a finding.
    let homes = [["/ho", "me/"], ["/Us", "ers/"], ["/ro", "ot/"], ["/wo", "rk/"], ["/t", "mp/"]]
        .map(|parts| parts.concat());
    let endings =
        [".rs", ".toml", ".md", ".stderr", ".json", ".svg", ".snap", ".mermaid", ".dot", ".yml", "run"];
    // The last resort of the rendezvous directory is on every machine.
    let everywhere = ["/t", "mp/mosaik-"].concat();
    let findings = tree::paths(&endings).into_iter().flat_map(|path| {
        let text = tree::read(&path).replace(&everywhere, "");
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| homes.iter().any(|home| line.contains(home.as_str())));
        lines.map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim())).collect::<Vec<_>>()
    });
    nothing("paths of a machine do not belong in the tree", findings);
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = tree::read("docs/SUMMARY.md");
    let listed: Vec<&str> = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let pages = tree::paths(&[".md"]);
    let pages =
        pages.iter().filter_map(|path| path.strip_prefix("docs/")).filter(|page| *page != "SUMMARY.md");
    nothing("docs/SUMMARY.md does not list", pages.filter(|page| !listed.contains(page)).map(str::to_owned));
    let root = tree::root().join("docs");
    nothing(
        "docs/SUMMARY.md lists pages that are not there",
        listed.iter().filter(|page| !root.join(page).is_file()).map(|page| (*page).to_owned()),
    );
}

#[test]
fn commands_in_documents_are_run_by_ci() {
    let script = run_by_ci();
    let by_hand = |command: &str| BY_HAND.iter().any(|(known, _)| *known == command);
    let mut missing = Vec::new();
    for path in tree::paths(&[".md"])
        .into_iter()
        .filter(|path| path.ends_with("README.md") || path.starts_with("docs/"))
    {
        let commands = commands(&tree::read(&path));
        let absent = commands.into_iter().filter(|command| !script.contains(command) && !by_hand(command));
        missing.extend(absent.map(|command| format!("{path}: {command}")));
    }
    nothing("documents show commands that .ci/run does not run", missing);
}

/// A block of the tutorial says in the line above which file it is from.
#[test]
fn code_of_the_tutorial_is_that_of_the_example() {
    let tutorial = tree::read("docs/tutorial.md");
    let (mut lines, mut findings, mut shown) = (tutorial.lines(), Vec::new(), BTreeMap::new());
    let mut before = "";
    while let Some(line) = lines.next() {
        if line.starts_with("```rust") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let file = before.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            let is_there = file.is_some_and(|file| tree::read(file).contains(&code.join("\n")));
            if !is_there {
                findings.push(format!("{}: {}", file.unwrap_or("no file"), code.first().unwrap_or(&"")));
            }
            shown.entry(file.unwrap_or_default().to_owned()).or_insert_with(Vec::new).extend(code);
        }
        before = line;
    }
    nothing("docs/tutorial.md shows code that is not in its file", findings);
    nothing("docs/tutorial.md does not show the whole of", unseen(&shown));
}

/// The first line of each file of the example that the blocks leave out, one behind the other. Of what kills engines for show they leave out
/// most, and tests are not shown.
fn unseen(shown: &BTreeMap<String, Vec<&str>>) -> Vec<String> {
    let files = tree::paths(&[".rs"]).into_iter().filter(|path| path.starts_with("examples/orderbook/"));
    let whole = files.filter(|path| !path.ends_with("_tests.rs") && !path.ends_with("/kill.rs"));
    whole
        .filter_map(|path| {
            let text = tree::read(&path);
            let mut pieces = shown.get(&path).into_iter().flatten().filter(|line| !line.is_empty());
            let left_out =
                text.lines().filter(|line| !line.is_empty()).find(|line| pieces.next() != Some(line));
            left_out.map(|line| format!("{path}: {line}"))
        })
        .collect()
}

/// The cargo commands of the script, without what happens to their output. Documents need not say `--for`: a person stops
/// a program by hand.
fn run_by_ci() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in tree::read(".ci/run").lines().filter(|line| line.starts_with("cargo ")) {
        let end = ["|", "<", ">", "&", " 2>"].iter().filter_map(|sign| line.find(sign)).min();
        // What a command prints, and whether it goes on after a failure, is no other command.
        let command =
            line[..end.unwrap_or(line.len())].replace("--quiet ", "").replace(" --no-fail-fast", "");
        let command = command.trim().to_owned();
        if let Some((before, _)) = command.split_once(" --for ") {
            found.insert(before.trim_end_matches(" --").to_owned());
        }
        found.insert(command);
    }
    found
}

#[test]
fn the_page_of_metrics_and_the_code_agree() {
    let mut counted = BTreeSet::new();
    for file in source::files().iter().filter(|file| !file.is_test && file.path.contains("/src/")) {
        for token in outside_tests(&file.tokens) {
            if let TokenTree::Literal(literal) = token {
                let text = literal.to_string();
                let name = text.trim_matches('"');
                let is_metric = [
                    "_total",
                    "_connections",
                    "_bonds",
                    "_applied",
                    "_leads",
                    "_pending",
                    "_term",
                    "_inbox",
                    "_waiting",
                    "_bytes",
                    "_handshakes",
                    "_readers",
                    "_parked",
                    "_far",
                ]
                .iter()
                .any(|end| name.ends_with(end));
                if text.starts_with("\"mosaik_") && is_metric {
                    counted.insert(name.to_owned());
                }
            }
        }
    }
    let page = tree::read("docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert!(!counted.is_empty(), "the walk found no metric");
    nothing("docs/metrics.md does not list", counted.difference(&listed).cloned());
    nothing("docs/metrics.md lists what nothing counts", listed.difference(&counted).cloned());
}

/// The cargo commands in the shell blocks of a document.
fn commands(document: &str) -> Vec<String> {
    let mut in_shell = false;
    let mut commands = Vec::new();
    for line in document.lines() {
        if let Some(language) = line.trim().strip_prefix("```") {
            in_shell = !in_shell && ["sh", "bash", "shell", "console"].contains(&language);
        } else if in_shell {
            let command = line.trim().trim_start_matches("$ ").split(" #").next().unwrap_or_default().trim();
            if command.starts_with("cargo ") {
                commands.push(command.to_owned());
            }
        }
    }
    commands
}
