//! Collections beside what they are made of: `cargo bench --bench collections`.
//!
//! ```text
//! cargo bench --bench collections                          everything, the median of five runs
//! cargo bench --bench collections -- --quick               short runs and small collections, three of each
//! cargo bench --bench collections -- join/1M --repeat 3    the cases whose name contains the text
//! cargo bench --bench collections -- join/10M --repeat 1   ten million entries, only when asked for
//! ```
//!
//! Prints a table and writes `target/bench/collections.json`. In the column "bare iroh" stands what a figure is to be compared with, measured in the
//! same run: beside an insertion the command of a group whose state is one number, by a member in the same place; beside a read of a map that of the bare
//! persistent map.
//!
//! # What is measured
//!
//! Nodes talk over QUIC on 127.0.0.1. A map has numbers as keys and as values, and is in memory.
//!
//! * `insert`: three voters and a writer without a vote are nodes of this process. By the leader, by a follower and by the one without a vote:
//!   `sequential` (p50 and p99 of one caller), `extend-1000` (entries a second of one caller, who gives 1 000 at a time), `in-flight-256-10k` and
//!   `in-flight-256-100k` (a second, of all, at random keys of a map that has so many; the others have 100 000). `in-flight-256-10k-alike` and
//!   `in-flight-256-100k-alike` are the same figures beside a plain group whose commands and answers have as many bytes as an insertion and its
//!   answer; the commands of the group of one number have a quarter of them.
//! * `reads`: a map of so many entries on a writer; random keys, one thread; reads a second.
//! * `reads/while-written`: a map of 1 M entries (100 k with `--quick`) on two writers. One keeps 64 insertions in flight, at random keys; on the other one a
//!   task reads random keys, `seldom` (400 ms between two reads), `rare` (10 ms) and then `frequent` (other tasks of its thread in between): p50, p99 and the longest of the single
//!   reads, eight seconds each, so that snapshots are made meanwhile; `written` are the insertions a second beside them.
//! * `join`: a map of so many entries on one node, and a reader in a process of its own: milliseconds from its opening until it holds all, and how much
//!   its resident memory grew. `join/one` is what a reader takes without its data.
//! * `fan-out`: one writer, eight readers on nodes of their own, each of which follows `changes()`; changes a second that all of them have got, and bytes
//!   that each received for a change.

#[path = "../common/mod.rs"]
mod common;

mod alike;
mod fan_out;
mod insert;
mod join;
#[path = "../groups/measured.rs"]
mod measured;
#[path = "../discovery/memory.rs"]
mod memory;
mod nodes;
mod reads;
#[path = "../groups/sum.rs"]
mod sum;

use std::{process::ExitCode, time::Duration};

use common::{
    Fallible,
    options::Options,
    repeat::{Runs, Side, in_turns},
    report::{self, Figure, Unit},
};
use measured::Measured;

/// Reads of a copy that changes.
const WRITTEN: &str = "reads/while-written";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(error.into()),
    };
    if let Some(child) = join::Child::asked_for() {
        return runtime.block_on(child.run()).map_or_else(failed, |()| ExitCode::SUCCESS);
    }
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) => runtime.block_on(bench(&options)).map_or_else(failed, |()| ExitCode::SUCCESS),
        Err(text) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> ExitCode {
    eprintln!("collections: {error}");
    ExitCode::FAILURE
}

async fn bench(options: &Options) -> Fallible {
    let window = Duration::from_millis(if options.quick { 700 } else { 2_000 });
    let mut rows = Vec::new();
    if options.wants("insert") {
        let runs = in_turns("insert", options, |side| insert::measure(side, window)).await?;
        rows.extend(table("insert", &runs));
    }
    let sizes: &[(&str, u64)] =
        if options.quick { &[("10k", 10_000)] } else { &[("100k", 100_000), ("1M", 1_000_000)] };
    for (word, entries) in sizes {
        let name = format!("reads/{word}");
        if options.wants(&name) {
            let runs = in_turns(&name, options, |side| reads::measure(side, *entries, window)).await?;
            rows.extend(table(&name, &runs));
        }
    }
    let (name, entries, seconds) =
        if options.quick { (WRITTEN, 100_000, 2) } else { (WRITTEN, 1_000_000, 8) };
    if options.wants(name) {
        let window = Duration::from_secs(seconds);
        let runs = |side| by_itself(side, reads::while_written(entries, window));
        rows.extend(table(name, &in_turns(name, options, runs).await?));
    }
    let all = [("one", 1)].into_iter().chain(sizes.iter().copied()).chain([("10M", 10_000_000)]);
    for (word, entries) in all {
        let name = format!("join/{word}");
        // Ten million are for who asks for them.
        if options.wants(&name) && (word != "10M" || options.filter == name) {
            let runs = in_turns(&name, options, |side| by_itself(side, join::measure(entries))).await?;
            rows.extend(table(&name, &runs));
        }
    }
    if options.wants("fan-out") {
        let changes = if options.quick { 5_000 } else { 100_000 };
        let runs = in_turns("fan-out", options, |side| by_itself(side, fan_out::measure(changes))).await?;
        rows.extend(table("fan-out", &runs));
    }
    report::print(&rows);
    report::write("collections", &rows)
}

/// One run of what has nothing beside it.
async fn by_itself(
    side: Side,
    measure: impl Future<Output = Fallible<Vec<Measured>>>,
) -> Fallible<Vec<Measured>> {
    if side == Side::Bare { Ok(Vec::new()) } else { measure.await }
}

/// A row for each figure, beside that of the same name.
fn table(name: &str, runs: &Runs<Vec<Measured>>) -> Vec<report::Case> {
    let row = |measured: &Measured| {
        let better = if measured.is_better_lower() { "lower" } else { "higher" };
        let unit = Unit { text: measured.unit, better, digits: 1, bytes: 0 };
        let figure = |run: &Vec<Measured>| {
            let same = run.iter().find(|found| found.name == measured.name);
            same.map_or(Figure { value: 0.0, cores: 0.0 }, Measured::figure)
        };
        report::Case::of(format!("{name}/{}", measured.name), unit, runs, figure).announce()
    };
    runs.mosaik.first().into_iter().flatten().map(row).collect()
}
