//! Rules about code.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenTree};

use super::{
    each_file, nothing,
    source::{self, File, Place, attributes_before, inside, is_sign, is_test_attribute, is_word, place},
    tree,
};

/// The floors of `mosaik-runtime`; a module imports only from floors below its own.
const FLOORS: [(&str, u8); 11] = [
    ("fuzz", 9),
    ("node", 8),
    ("collections", 7),
    ("streams", 6),
    ("groups", 6),
    ("admission", 5),
    ("discovery", 4),
    ("tickets", 3),
    ("transport", 2),
    ("topology", 2),
    ("primitives", 1),
];

/// The stages of `mosaik-macros`: what each may import. `lib` and `pipeline` see all of them.
const STAGES: [(&str, &[&str]); 5] = [
    ("parse", &["model", "diag"]),
    ("validate", &["model", "diag"]),
    ("expand", &["model", "validate"]),
    ("model", &[]),
    ("diag", &["model"]),
];

#[test]
fn imports_of_the_runtime_point_down() {
    let floor = |name: &str| FLOORS.iter().find(|(floor, _)| *floor == name).map(|(_, height)| *height);
    nothing(
        "a module imports only from the floors below it",
        each_file(|file| {
            let Some(own) = file.module.first().filter(|_| file.path.starts_with("mosaik-runtime/src/"))
            else {
                return Vec::new();
            };
            let Some(height) = floor(own) else {
                return vec![(Place { line: 1 }, format!("`{own}` is on no floor: add it to the house"))];
            };
            let upward = imports(file)
                .into_iter()
                .filter(|(_, to)| to != own && floor(to).is_none_or(|to| to >= height));
            upward.map(|(place, to)| (place, format!("`{own}` imports `{to}`"))).collect()
        }),
    );
}

#[test]
fn stages_of_the_macros_point_forward() {
    nothing(
        "a stage imports only what its row allows",
        each_file(|file| {
            let Some(own) = file.module.first().filter(|_| file.path.starts_with("mosaik-macros/src/"))
            else {
                return Vec::new();
            };
            let Some((_, allowed)) = STAGES.iter().find(|(stage, _)| stage == own) else { return Vec::new() };
            let wrong =
                imports(file).into_iter().filter(|(_, to)| to != own && !allowed.contains(&to.as_str()));
            wrong.map(|(place, to)| (place, format!("`{own}` imports `{to}`"))).collect()
        }),
    );
}

#[test]
fn files_and_functions_are_short() {
    nothing(
        "a file has at most 500 lines, a function at most 70",
        each_file(|file| {
            let lines = file.text.lines().count();
            let mut found = Vec::new();
            if lines > 500 {
                found.push((Place { line: lines }, format!("{lines} lines")));
            }
            functions(&file.tokens, &mut |name, _, from, to| {
                if to - from >= 70 {
                    found.push((Place { line: from }, format!("`{name}` has {} lines", to - from + 1)));
                }
            });
            found
        }),
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    nothing(
        "a file begins with `//!`",
        each_file(|file| {
            // Files of tests alone say it in the names of their tests.
            let exempt = file.is_test;
            let begins = file.text.starts_with("//!") || file.text.starts_with("#!");
            if exempt || begins { Vec::new() } else { vec![(Place { line: 1 }, "no module docs".to_owned())] }
        }),
    );
}

#[test]
fn tests_wait_for_conditions_and_not_for_time() {
    let paused: BTreeSet<String> =
        source::files().iter().filter(|file| file.text.contains("start_paused")).map(folder).collect();
    nothing(
        "tests await conditions; only a test on virtual time (`start_paused`, `World`) may sleep",
        each_file(|file| {
            // A bench lets time pass: it measures what happens meanwhile.
            if file.path.contains("/benches/") {
                return Vec::new();
            }
            // A helper beside tests on virtual time is one of theirs.
            let virtual_time = paused.contains(&folder(file)) || file.text.contains("World");
            let mut found = Vec::new();
            functions(&file.tokens, &mut |name, function, from, _| {
                let paused = function.attributes.iter().any(|a| a.contains("start_paused"));
                let is_test = function.attributes.iter().any(|a| a.contains("test"));
                let real_time = if is_test { !paused && !file.text.contains("World") } else { !virtual_time };
                if (file.is_test || function.in_tests) && real_time && calls(function.body, "sleep") {
                    found.push((Place { line: from }, format!("`{name}` sleeps")));
                }
            });
            found
        }),
    );
}

#[test]
fn time_and_randomness_are_arguments() {
    let clocks = [
        "mosaik-runtime/src/primitives/clock.rs",
        "mosaik-runtime/src/primitives/rng.rs",
        // Gives a library that asks for them the dice of the node.
        "mosaik-runtime/src/groups/raft/runtime.rs",
    ];
    nothing(
        "clocks and randomness come in as arguments",
        each_file(|file| {
            if !file.path.starts_with("mosaik-runtime/src/")
                || clocks.contains(&file.path.as_str())
                || file.is_test
            {
                return Vec::new();
            }
            let words = ["UNIX_EPOCH", "thread_rng", "OsRng", "getrandom", "RandomState"];
            let mut found = words_outside_tests(file, &words);
            found.extend(words_outside_tests(file, &["from_system"]).into_iter().filter(|_| !is_node(file)));
            found
        }),
    );
}

fn folder(file: &File) -> String {
    file.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()
}

fn is_node(file: &File) -> bool {
    file.module.first().is_some_and(|floor| floor == "node")
}

#[test]
fn cores_are_pure() {
    nothing(
        "a core has no task, no clock, no socket and no disk: (state, event, now) → effects",
        each_file(|file| {
            if !file.path.starts_with("mosaik-runtime/src/")
                || !file.module.iter().any(|module| module == "core")
            {
                return Vec::new();
            }
            let mut found = words_outside_tests(
                file,
                &["async", "await", "spawn", "Clock", "UdpSocket", "fs", "elapsed"],
            );
            let code = if file.is_test { Vec::new() } else { outside_tests(&file.tokens) };
            found.extend(
                code.windows(4)
                    .filter(|w| is_word(&w[0], "Instant") && is_word(&w[3], "now"))
                    .map(|w| (place(&w[0]), "reads the clock".to_owned())),
            );
            found
        }),
    );
}

#[test]
fn programs_do_not_panic_on_purpose() {
    nothing(
        "outside tests an error is a value; where the impossible must be said, end the line with `// impossible: why`",
        each_file(|file| {
            let ours = ["mosaik-runtime/src/", "mosaik-macros/src/", "mosaik/src/"];
            // `World` and the fuzz targets are tools for tests: they panic where a test should fail.
            let is_tool =
                file.path.starts_with("mosaik-runtime/src/node/world/") || file.path.ends_with("/fuzz.rs");
            let is_test = file.is_test || is_tool;
            if is_test || !ours.iter().any(|prefix| file.path.starts_with(prefix)) {
                return Vec::new();
            }
            let lines: Vec<&str> = file.text.lines().collect();
            let code = outside_tests(&file.tokens);
            let found = code.windows(3).filter(|window| {
                let method = is_sign(window.first(), '.')
                    && (is_word(&window[1], "unwrap") || is_word(&window[1], "expect"))
                    && matches!(&window[2], TokenTree::Group(_));
                let bang = is_sign(window.get(1), '!')
                    && ["panic", "unreachable", "todo", "unimplemented", "assert", "assert_eq"]
                        .iter()
                        .any(|name| is_word(&window[0], name));
                let line = place(&window[1]).line;
                let said = lines.get(line - 1).is_some_and(|line| line.contains("// impossible: "));
                (method || bang) && !said
            });
            found.map(|window| (place(&window[1]), "may panic".to_owned())).collect()
        }),
    );
}

#[test]
fn selects_are_biased() {
    nothing(
        "`tokio::select!` begins with `biased;`, or a simulation is not repeatable",
        each_file(|file| {
            let mut found = Vec::new();
            each_level(&file.tokens, &mut |tokens| {
                for window in tokens.windows(3).filter(|w| is_word(&w[0], "select") && is_sign(w.get(1), '!'))
                {
                    if let TokenTree::Group(body) = &window[2]
                        && !inside(body).first().is_some_and(|first| is_word(first, "biased"))
                    {
                        found.push((place(&window[0]), "`select!` without `biased;`".to_owned()));
                    }
                }
            });
            found
        }),
    );
}

#[test]
fn every_file_is_used() {
    let reached: Vec<String> = source::files().into_iter().map(|file| file.path).collect();
    let lost = tree::paths(&[".rs"]).into_iter().filter(|path| !reached.contains(path));
    nothing("no target reaches these files", lost);
}

/// What a function is made of, for rules about functions.
struct Function<'a> {
    attributes: Vec<String>,
    in_tests: bool,
    body: &'a [TokenTree],
}

/// Calls `seen` for every function with a body: its name, its parts, its first and its last line.
fn functions(tokens: &[TokenTree], seen: &mut dyn FnMut(&str, &Function<'_>, usize, usize)) {
    fn walk(tokens: &[TokenTree], in_tests: bool, seen: &mut dyn FnMut(&str, &Function<'_>, usize, usize)) {
        for (at, token) in tokens.iter().enumerate() {
            if let (true, Some(TokenTree::Ident(name))) = (is_word(token, "fn"), tokens.get(at + 1)) {
                let body =
                    tokens[at..].iter().take_while(|token| !is_sign(Some(token), ';')).find_map(|token| {
                        match token {
                            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
                            _ => None,
                        }
                    });
                if let Some(body) = body {
                    let attributes = attributes_before(tokens, at);
                    let in_tests = in_tests
                        || attributes.iter().any(|a| is_test_attribute(a) || a.contains("tokio :: test"));
                    let function = Function { attributes, in_tests, body: &inside(body) };
                    seen(&name.to_string(), &function, place(token).line, body.span_close().start().line);
                }
            }
            if let TokenTree::Group(group) = token {
                let module = at >= 2 && is_word(&tokens[at - 2], "mod");
                let in_tests = in_tests
                    || (module && attributes_before(tokens, at - 2).iter().any(|a| is_test_attribute(a)));
                walk(&inside(group), in_tests, seen);
            }
        }
    }
    walk(tokens, false, seen);
}

/// Calls `look` with the tokens of every nesting level.
fn each_level(tokens: &[TokenTree], look: &mut dyn FnMut(&[TokenTree])) {
    look(tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            each_level(&inside(group), look);
        }
    }
}

fn calls(tokens: &[TokenTree], name: &str) -> bool {
    let mut found = false;
    each_level(tokens, &mut |level| {
        found |= level.windows(2).any(|w| is_word(&w[0], name) && matches!(&w[1], TokenTree::Group(_)));
    });
    found
}

/// All tokens in their order, without groups and without items that are compiled for tests only.
pub(crate) fn outside_tests(tokens: &[TokenTree]) -> Vec<TokenTree> {
    let mut flat = Vec::new();
    let mut skip = false;
    for (at, token) in tokens.iter().enumerate() {
        if is_sign(Some(token), '#')
            && let Some(TokenTree::Group(attribute)) = tokens.get(at + 1)
            && is_test_attribute(&attribute.stream().to_string())
        {
            skip = true;
        }
        flat.push(token.clone());
        match token {
            TokenTree::Group(group) if skip && group.delimiter() == Delimiter::Brace => skip = false,
            TokenTree::Group(group) if !skip => flat.extend(outside_tests(&inside(group))),
            token if is_sign(Some(token), ';') => skip = false,
            _ => {}
        }
    }
    flat
}

fn words_outside_tests(file: &File, words: &[&str]) -> Vec<(Place, String)> {
    if file.is_test {
        return Vec::new();
    }
    let mut found = Vec::new();
    for token in outside_tests(&file.tokens) {
        if let Some(word) = words.iter().find(|word| is_word(&token, word)) {
            found.push((place(&token), format!("`{word}`")));
        }
    }
    found
}

/// The first module that each path of a file names from the crate's root.
fn imports(file: &File) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    collect_imports(&file.tokens, file.module.len(), &mut found);
    found
}

fn collect_imports(tokens: &[TokenTree], depth: usize, found: &mut Vec<(Place, String)>) {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let TokenTree::Group(group) = token {
            let is_module = at >= 2 && is_word(&tokens[at - 2], "mod");
            collect_imports(&inside(group), depth + usize::from(is_module), found);
        }
        let mut next = at;
        if is_word(token, "crate") && is_path_sign(tokens, at + 1) {
            next = at + 3;
        } else if is_word(token, "super") {
            let mut steps = 0;
            while tokens.get(next).is_some_and(|token| is_word(token, "super"))
                && is_path_sign(tokens, next + 1)
            {
                steps += 1;
                next += 3;
            }
            if steps < depth {
                // It stays inside this floor.
                at = next.max(at + 1);
                continue;
            }
        }
        if next > at {
            heads(tokens.get(next), found);
        }
        at = next.max(at + 1);
    }
}

fn is_path_sign(tokens: &[TokenTree], at: usize) -> bool {
    is_sign(tokens.get(at), ':') && is_sign(tokens.get(at + 1), ':')
}

/// The names with which a path goes on: one, or several in braces.
fn heads(token: Option<&TokenTree>, found: &mut Vec<(Place, String)>) {
    match token {
        Some(TokenTree::Ident(name)) => {
            found.push((place(&TokenTree::Ident(name.clone())), name.to_string()))
        }
        Some(TokenTree::Group(group)) => {
            let tokens = inside(group);
            for (at, token) in tokens.iter().enumerate() {
                if at == 0 || is_sign(tokens.get(at - 1), ',') {
                    heads(Some(token), found);
                }
            }
        }
        _ => {}
    }
}
