//! Runs the pipeline on every `tests/expand/*.in.rs` and compares with `*.out.rs`, pretty-printed.
//!
//! `MOSAIK_BLESS=1 cargo test -p mosaik-macros` writes the outputs again; what changed is for review.

mod catalog;

use std::{fs, path::PathBuf};

use proc_macro2::{TokenStream, TokenTree};

use crate::{
    expand::paths::Paths,
    model::{Collection, Context, Data, Group, Methods, Node, Proof, Stream},
    pipeline,
};

struct Case {
    name: String,
    attribute: String,
    args: TokenStream,
    item: TokenStream,
    source: String,
    out: PathBuf,
}

impl Case {
    fn all() -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
        let mut files: Vec<_> =
            fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
        files.sort();
        let inputs = files.into_iter().filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".in.rs")?.to_owned();
            let source = fs::read_to_string(&path).expect("a text");
            let (attribute, args, item) = split(source.parse().expect("tokens"));
            Some(Self { out: folder.join(format!("{name}.out.rs")), name, attribute, args, item, source })
        });
        inputs.collect()
    }

    fn expanded(&self) -> String {
        let context = Context { package: "greenhouse".to_owned(), program: "probe".to_owned() };
        let paths = Paths::named("mosaik");
        let (args, item) = (self.args.clone(), self.item.clone());
        let tokens = match self.attribute.as_str() {
            "stream" => pipeline::run::<Stream>(args, item, &context, &paths),
            "data" => pipeline::run::<Data>(args, item, &context, &paths),
            "group" => pipeline::run::<Group>(args, item, &context, &paths),
            "collection" => pipeline::run::<Collection>(args, item, &context, &paths),
            "proof" => pipeline::run::<Proof>(args, item, &context, &paths),
            "methods" => pipeline::run::<Methods>(args, item, &context, &paths),
            _ => pipeline::run::<Node>(args, item, &context, &paths),
        };
        match syn::parse2(tokens.clone()) {
            Ok(file) => prettyplease::unparse(&file),
            Err(_) => format!("{tokens}\n"),
        }
    }

    /// Lines of output beyond the user's item.
    fn extra_lines(&self) -> usize {
        let plain = self.item.clone();
        let item = syn::parse2(plain).map_or(self.source.clone(), |file| prettyplease::unparse(&file));
        self.expanded().lines().count().saturating_sub(item.lines().count())
    }
}

/// The first attribute of ours, its arguments, and everything else.
fn split(file: TokenStream) -> (String, TokenStream, TokenStream) {
    let tokens: Vec<TokenTree> = file.into_iter().collect();
    for at in 1..tokens.len() {
        if let (TokenTree::Punct(hash), TokenTree::Group(group)) = (&tokens[at - 1], &tokens[at])
            && hash.as_char() == '#'
            && let Some((name, args)) = ours(group)
        {
            let item = tokens[..at - 1].iter().chain(&tokens[at + 1..]).cloned().collect();
            return (name, args, item);
        }
    }
    panic!("no attribute of ours");
}

fn ours(group: &proc_macro2::Group) -> Option<(String, TokenStream)> {
    let mut args = TokenStream::new();
    let mut name = String::new();
    for token in group.stream() {
        match token {
            TokenTree::Ident(word) => name = word.to_string(),
            TokenTree::Group(group) => args = group.stream(),
            _ => {}
        }
    }
    ["stream", "data", "node", "group", "methods", "collection", "proof"]
        .contains(&name.as_str())
        .then_some((name, args))
}

#[test]
fn expansions_are_what_they_were() {
    let bless = std::env::var_os("MOSAIK_BLESS").is_some();
    let mut stale = Vec::new();
    for case in Case::all() {
        let now = case.expanded();
        if bless {
            fs::write(&case.out, &now).expect("writes");
        } else if fs::read_to_string(&case.out).unwrap_or_default() != now {
            stale.push(format!("{}:\n{now}", case.name));
        }
    }
    assert!(stale.is_empty(), "these expansions changed (MOSAIK_BLESS=1 to accept):\n{}", stale.join("\n"));
}

/// The budgets: what an attribute may add to the user's item, in lines.
#[test]
fn expansions_stay_in_their_budgets() {
    for case in Case::all().iter().filter(|case| !case.expanded().contains("compile_error")) {
        let text = case.expanded();
        let shapes = text.matches("Schema>::shape").count() + text.matches("Opaque").count();
        let parameters = text.matches("::ROLE").count();
        let budget = match case.attribute.as_str() {
            "data" => 18 + 4 * shapes,
            "stream" => 48 + 4 * shapes + text.matches("Rule::").count(),
            "group" if text.contains("Together") => 95 + 12 * text.matches("type Held").count(),
            "group" => {
                let parts = [
                    "Rule::",
                    "PeerId::",
                    "#[cfg(unix)]",
                    "GroupOptions::new()\n",
                    "Option::None, &[",
                    "earlier",
                ];
                52 + 4 * shapes + parts.map(|part| 2 * text.matches(part).count()).iter().sum::<usize>()
            }
            "proof" => 28,
            "collection" => 45 + text.matches("Rule::").count() + 3 * text.matches("#[cfg(unix)]").count(),
            "methods" => {
                let (commands, queries) =
                    (text.matches("__m::Method::new").count(), text.matches("::ask(").count());
                66 + 26 * commands + 18 * queries + 3 * text.matches("__m::Schema").count()
            }
            _ => 35 + 6 * parameters,
        };
        assert!(
            case.extra_lines() <= budget,
            "{}: {} lines, {budget} allowed",
            case.name,
            case.extra_lines()
        );
    }
}

#[test]
fn every_output_has_its_input() {
    let names: Vec<_> = Case::all().into_iter().map(|case| case.out).collect();
    for file in
        fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/expand")).expect("a folder")
    {
        let path = file.expect("a file").path();
        assert!(path.to_string_lossy().ends_with(".in.rs") || names.contains(&path), "{}", path.display());
    }
}
