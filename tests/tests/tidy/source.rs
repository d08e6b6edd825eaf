//! Rust files as tokens: reached from the roots of the packages by their `mod` declarations.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::tree;

/// A line of a file, from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) line: usize,
}

/// One Rust file.
pub(crate) struct File {
    /// From the root of the repository.
    pub(crate) path: String,
    /// The modules from the crate's root down to this file.
    pub(crate) module: Vec<String>,
    /// Whether it is compiled for tests only.
    pub(crate) is_test: bool,
    pub(crate) text: String,
    pub(crate) tokens: Vec<TokenTree>,
}

/// All Rust files that belong to a target of a package.
pub(crate) fn files() -> Vec<File> {
    let mut files = BTreeMap::new();
    for root in roots() {
        reach(&root, Vec::new(), is_test_path(&root), &mut files);
    }
    files.into_values().collect()
}

fn is_test_path(path: &str) -> bool {
    // Programs that tests start, and benches, are programs.
    let program = ["tests/programs/", "tests/benches/"].iter().any(|folder| path.starts_with(folder));
    let test = path.starts_with("tests/")
        || path.starts_with("ui-tests/")
        || path.split('/').nth(1) == Some("tests");
    test && !program
}

/// The first file of every target: libraries, programs, tests, benches, and what a manifest names by path.
fn roots() -> Vec<String> {
    let packages: Vec<String> = tree::paths(&["Cargo.toml"])
        .iter()
        .filter_map(|path| path.strip_suffix("Cargo.toml").map(str::to_owned))
        .collect();
    let mut roots = Vec::new();
    for path in tree::paths(&[".rs"]) {
        let Some(package) =
            packages.iter().filter(|package| path.starts_with(package.as_str())).max_by_key(|p| p.len())
        else {
            continue;
        };
        let inside: Vec<&str> = path[package.len()..].split('/').collect();
        let is_root = match inside.as_slice() {
            ["src", "lib.rs" | "main.rs"] | ["build.rs"] => true,
            ["src", "bin", _] | ["tests" | "benches" | "examples", _] => true,
            ["src", "bin", _, "main.rs"] | ["tests" | "benches" | "examples", _, "main.rs"] => true,
            _ => named_in_a_manifest(&packages, &path),
        };
        // What the ui tests compile one by one.
        if is_root || path.starts_with("ui-tests/") || path.contains("/tests/expand/") {
            roots.push(path);
        }
    }
    roots
}

fn named_in_a_manifest(packages: &[String], path: &str) -> bool {
    packages.iter().any(|package| {
        let manifest = tree::read(&format!("{package}Cargo.toml"));
        let named =
            manifest.lines().filter_map(|line| line.trim().strip_prefix("path = \"")?.strip_suffix('"'));
        named.into_iter().any(|named| normal(Path::new(package).join(named)) == Path::new(path))
    })
}

fn normal(path: PathBuf) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

fn reach(path: &str, module: Vec<String>, is_test: bool, files: &mut BTreeMap<String, File>) {
    if files.contains_key(path) || !tree::root().join(path).is_file() {
        return;
    }
    let text = tree::read(path);
    // Half-typed input of the macros' own tests is not Rust yet.
    let tokens: Vec<TokenTree> =
        text.parse::<TokenStream>().map(|tokens| tokens.into_iter().collect()).unwrap_or_default();
    let file = Path::new(path);
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let children = if module.is_empty() || stem == "mod" { folder.clone() } else { folder.join(&stem) };
    let declared = modules(&tokens);
    let this = File { path: path.to_owned(), module: module.clone(), is_test, text, tokens };
    files.insert(path.to_owned(), this);
    for declaration in declared {
        let mut below = module.clone();
        below.extend(declaration.path.iter().cloned());
        let test = is_test || declaration.is_test;
        let candidates = match &declaration.file {
            Some(file) => vec![normal(folder.join(file))],
            None => {
                let inside = children.join(declaration.path.join("/"));
                vec![inside.with_extension("rs"), inside.join("mod.rs")]
            }
        };
        for candidate in candidates {
            reach(&candidate.to_string_lossy(), below.clone(), test, files);
        }
    }
}

struct Declaration {
    path: Vec<String>,
    file: Option<String>,
    is_test: bool,
}

/// The modules that a file declares and does not contain.
fn modules(tokens: &[TokenTree]) -> Vec<Declaration> {
    let mut found = Vec::new();
    visit_modules(tokens, &mut |path, attributes, body| {
        if body.is_none() {
            let file = attributes.iter().find_map(|attribute| {
                Some(attribute.strip_prefix("path =")?.trim().trim_matches('"').to_owned())
            });
            found.push(Declaration {
                path: path.to_vec(),
                file,
                is_test: attributes.iter().any(|attribute| is_test_attribute(attribute)),
            });
        }
    });
    found
}

/// Whether an attribute makes code part of tests only.
pub(crate) fn is_test_attribute(attribute: &str) -> bool {
    let squeezed: String = attribute.chars().filter(|c| !c.is_whitespace()).collect();
    squeezed == "test" || squeezed.starts_with("cfg(test)") || squeezed.starts_with("cfg(all(test")
}

/// What looks at a module: its path, its attributes, and its body if it stands here.
type SeenModule<'a> = dyn FnMut(&[String], &[String], Option<&Group>) + 'a;

/// Calls `seen` for each module declared in `tokens`: its path, its attributes, and its body if it stands here.
pub(crate) fn visit_modules(tokens: &[TokenTree], seen: &mut SeenModule<'_>) {
    fn walk(tokens: &[TokenTree], path: &mut Vec<String>, seen: &mut SeenModule<'_>) {
        for (at, token) in tokens.iter().enumerate() {
            if !is_word(token, "mod") {
                continue;
            }
            let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { continue };
            let attributes = attributes_before(tokens, at);
            path.push(name.to_string());
            match tokens.get(at + 2) {
                Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
                    seen(path, &attributes, Some(body));
                    walk(&inside(body), path, seen);
                }
                _ => seen(path, &attributes, None),
            }
            path.pop();
        }
    }
    walk(tokens, &mut Vec::new(), seen);
}

/// The attributes of the item whose keyword stands at `at`.
pub(crate) fn attributes_before(tokens: &[TokenTree], at: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = &tokens[..at];
    loop {
        rest = match rest {
            [before @ .., TokenTree::Punct(hash), TokenTree::Group(body)]
                if hash.as_char() == '#' && body.delimiter() == Delimiter::Bracket =>
            {
                found.push(body.stream().to_string());
                before
            }
            [before @ .., TokenTree::Group(body)] if body.delimiter() == Delimiter::Parenthesis => before,
            [before @ .., TokenTree::Ident(word)]
                if ["pub", "async", "const"].contains(&word.to_string().as_str()) =>
            {
                before
            }
            _ => return found,
        };
    }
}

/// The tokens of a group.
pub(crate) fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// Whether a token is this word.
pub(crate) fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Whether a token is this sign.
pub(crate) fn is_sign(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// Where a token stands.
pub(crate) fn place(token: &TokenTree) -> Place {
    Place { line: token.span().start().line }
}
