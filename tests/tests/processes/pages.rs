//! The book's topology pages are made from the examples, and a stale one fails here.

use std::{fmt::Write, fs, path::Path};

use serde_json::Value;

use crate::programs::{ATTESTED, CHAT, LEDGER, ORDERBOOK, PRICES, Place, RATE_LIMITER, SENSORS};

#[test]
fn the_topology_pages_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/topology");
    let mut stale = Vec::new();
    for (name, program) in [
        ("sensors", SENSORS),
        ("chat", CHAT),
        ("ledger", LEDGER),
        ("orderbook", ORDERBOOK),
        ("prices", PRICES),
        ("rate_limiter", RATE_LIMITER),
        ("attested", ATTESTED),
    ] {
        let place = Place::new();
        let draw = |format: &str| place.run(program, &format!("topology --format {format}")).out;
        let files = [("md", page(name, &draw("mermaid"), &draw("json"))), ("svg", draw("svg"))];
        for (ending, text) in files {
            let path = folder.join(format!("{name}.{ending}"));
            if std::env::var_os("MOSAIK_BLESS").is_some() {
                fs::create_dir_all(&folder).expect("the folder");
                fs::write(&path, &text).expect("the page is written");
            }
            if fs::read_to_string(&path).unwrap_or_default() != text {
                stale.push(format!("{name}.{ending}"));
            }
        }
    }
    assert!(
        stale.is_empty(),
        "stale in docs/topology: {}; make them anew with `MOSAIK_BLESS=1 cargo test -p mosaik-tests --test processes pages`",
        stale.join(", ")
    );
}

/// An example that is a folder has the picture in a README of its own.
#[test]
fn the_picture_beside_the_orderbook_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/orderbook/README.md");
    let text = fs::read_to_string(&path).expect("a README");
    let (before, rest) = text.split_once("```mermaid\n").expect("a picture");
    let (_, after) = rest.split_once("```").expect("its end");
    let drawn = Place::new().run(ORDERBOOK, "topology --format mermaid").out;
    let now = format!("{before}```mermaid\n{drawn}```{after}");
    if std::env::var_os("MOSAIK_BLESS").is_some() {
        fs::write(&path, &now).expect("it is written");
    }
    let text = fs::read_to_string(&path).expect("a README");
    assert!(text == now, "stale: `MOSAIK_BLESS=1 cargo test -p mosaik-tests --test processes pages`");
}

fn page(name: &str, mermaid: &str, json: &str) -> String {
    let source =
        if name == "orderbook" { "examples/orderbook/".to_owned() } else { format!("examples/{name}.rs") };
    let graph: Value = serde_json::from_str(json).expect("it is JSON");
    let mut page = format!("# Topology: {name}\n\n");
    let _ = writeln!(
        page,
        "Made from the declarations in `{source}`, without running anything: `cargo run --example {name} -- \
         topology`.\nA test fails when this page is stale.\n\n![The graph of {name}]({name}.svg)\n\n```mermaid\n{mermaid}```\n"
    );
    page.push_str("| node | network | tags | what it does |\n|---|---|---|---|\n");
    for node in graph["nodes"].as_array().into_iter().flatten() {
        let tags: Vec<_> = node["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let _ = writeln!(
            page,
            "| `{}` | `{}` | {} | {} |",
            text(&node["name"]),
            text(&node["network"]),
            tags.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(" "),
            one_line(&node["docs"]),
        );
    }
    let streams: Vec<_> = graph["streams"].as_array().into_iter().flatten().collect();
    if !streams.is_empty() {
        page.push_str("\n| stream | type | schema | what travels |\n|---|---|---|---|\n");
    }
    for stream in streams {
        let _ = writeln!(
            page,
            "| `{}` | `{}` | `{}` | {} |",
            text(&stream["intent"]),
            text(&stream["type_name"]),
            text(&stream["schema"]),
            one_line(&stream["docs"]),
        );
    }
    let groups: Vec<_> = graph["groups"].as_array().into_iter().flatten().collect();
    if !groups.is_empty() {
        page.push_str(
            "\n| group | state | schema | voters | storage | what it is |\n|---|---|---|---|---|---|\n",
        );
    }
    for group in groups {
        let _ = writeln!(
            page,
            "| `{}` | `{}` | `{}` | {} | {} | {} |",
            text(&group["intent"]),
            text(&group["type_name"]),
            text(&group["schema"]),
            group["voters"],
            text(&group["options"]["storage"]),
            one_line(&group["docs"]),
        );
    }
    for group in graph["groups"].as_array().into_iter().flatten() {
        collections(&mut page, group);
    }
    page
}

/// The collections that share a group.
fn collections(page: &mut String, group: &Value) {
    let shared: Vec<_> = group["collections"].as_array().into_iter().flatten().collect();
    if !shared.is_empty() {
        let _ = write!(
            page,
            "\n| in `{}` | collection | container | what it is |\n|---|---|---|---|\n",
            text(&group["intent"])
        );
    }
    for one in shared {
        let _ = writeln!(
            page,
            "| `{}` | `{}` | `{}` | {} |",
            text(&one["name"]),
            text(&one["intent"]),
            text(&one["container"]),
            one_line(&one["docs"]),
        );
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn one_line(value: &Value) -> String {
    text(value).split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
