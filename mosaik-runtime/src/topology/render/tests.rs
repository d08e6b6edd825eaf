//! Each rendering against its recorded text. `MOSAIK_BLESS=1 cargo test -p mosaik-runtime` records anew.

use std::{fs, path::PathBuf};

use super::*;
use crate::topology::fixtures::{
    AUDITOR, BOARD, DESK, DISPLAY, ENGINE, MATCHER, MONITOR, OTHER_NETWORK, SENSOR, TELLER,
};

fn matches_recorded(graph: &Graph, name: &str, format: Format) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/topology/render/recorded");
    let path = folder.join(format!("{name}.{format}"));
    let drawn = graph.render(format);
    if std::env::var_os("MOSAIK_BLESS").is_some() {
        fs::write(&path, &drawn).expect("the recorded text is written");
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(drawn, recorded, "{name}.{format} changed; look at it, then record it with MOSAIK_BLESS=1");
}

fn sensors() -> Graph {
    Graph::of(&[&SENSOR, &DISPLAY])
}

/// Rules, a cycle, text that needs escapes, and a second network.
fn market() -> Graph {
    Graph::of(&[&DESK, &MATCHER, &SENSOR, &OTHER_NETWORK])
}

/// A group, with a stream beside it.
fn bank() -> Graph {
    Graph::of(&[&TELLER, &AUDITOR, &MONITOR])
}

/// Collections that share a group, and one who reads some of them.
fn exchange() -> Graph {
    Graph::of(&[&ENGINE, &BOARD])
}

#[test]
fn mermaid_as_recorded() {
    matches_recorded(&sensors(), "sensors", Format::Mermaid);
    matches_recorded(&market(), "market", Format::Mermaid);
    matches_recorded(&bank(), "bank", Format::Mermaid);
    matches_recorded(&exchange(), "exchange", Format::Mermaid);
}

#[test]
fn dot_as_recorded() {
    matches_recorded(&sensors(), "sensors", Format::Dot);
    matches_recorded(&market(), "market", Format::Dot);
    matches_recorded(&bank(), "bank", Format::Dot);
    matches_recorded(&exchange(), "exchange", Format::Dot);
}

#[test]
fn json_as_recorded() {
    matches_recorded(&sensors(), "sensors", Format::Json);
    matches_recorded(&market(), "market", Format::Json);
    matches_recorded(&bank(), "bank", Format::Json);
    matches_recorded(&exchange(), "exchange", Format::Json);
}

#[test]
fn svg_as_recorded() {
    matches_recorded(&sensors(), "sensors", Format::Svg);
    matches_recorded(&market(), "market", Format::Svg);
    matches_recorded(&bank(), "bank", Format::Svg);
    matches_recorded(&exchange(), "exchange", Format::Svg);
}

#[test]
fn an_empty_program_is_drawn_too() {
    for format in Format::ALL {
        assert!(Graph::default().render(format).ends_with('\n'), "{format}");
    }
}

#[test]
fn formats_are_read_as_they_are_written() {
    assert!(Format::ALL.into_iter().all(|format| format.as_str().parse() == Ok(format)));
    assert_eq!("png".parse::<Format>(), Err(NotAFormat("png".to_owned())));
}
