//! Groups beside a bare round trip: `cargo bench --bench groups`.
//!
//! ```text
//! cargo bench --bench groups                              everything, the median of five runs
//! cargo bench --bench groups -- --quick                   short runs, three of each
//! cargo bench --bench groups -- 3/memory --repeat 1       the settings whose name contains the text
//! ```
//!
//! Prints a table and writes `target/bench/groups.json`. A name is `<members>/<storage>/<measure>/<leader|follower>`. In each run the
//! figure in the column "bare iroh" is the median of a round trip of 32 bytes on an open stream between two endpoints, measured
//! just before; the ratio of a latency to it is what can be compared between machines. Throughput has nothing bare beside it.
//!
//! # What is measured
//!
//! All members are nodes of this process, on one tokio runtime with a thread for each core, over QUIC on 127.0.0.1. The state is one number; a command adds to
//! it and answers the sum. Each run starts the nodes anew and waits until all are online.
//!
//! * `sequential`: one caller, who gives the next command when the last one is answered: p50 and p99.
//! * `in-flight-64`, `in-flight-1024`: so many callers, each of which does that; commands a second of all.
//! * `many-1000`: one caller, who gives 1 000 commands with `execute_many`, again and again; commands a second.
//! * `weak`: one caller, who reads the copy on its node; reads a second.
//! * `read`, `read-64`, `read-256`: linearizable reads, by one caller (p50) and by so many (reads a second).
//! * `leader-killed`: the leader's node is dropped without farewell; milliseconds until a command is answered on another node.
//!
//! `durable` writes to a directory below the system's temporary one; what a flush costs there is what it costs here.

#[path = "../common/mod.rs"]
mod common;

mod bare;
mod group;
mod measure;

use std::{process::ExitCode, time::Duration};

use common::{
    Fallible,
    options::Options,
    repeat::Runs,
    report::{self, Figure, Unit},
};
use group::{Kept, Members};
use measure::Measured;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(bench(&options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("groups: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(options: &Options) -> Fallible {
    let window = Duration::from_millis(if options.quick { 700 } else { 2_000 });
    let mut rows = Vec::new();
    for members in [3, 5] {
        for kept in [Kept::Memory, Kept::Durable] {
            let name = format!("{members}/{}", kept.as_str());
            if !name.contains(&options.filter) && !options.filter.contains(&name) {
                continue;
            }
            let mut runs = Vec::new();
            for turn in 0..options.repeat {
                eprintln!("{name}: run {} of {}", turn + 1, options.repeat);
                let bare = bare::round_trip(window).await?;
                runs.push((bare, one(members, kept, window).await?));
            }
            rows.extend(table(&name, &runs));
        }
    }
    report::print(&rows);
    report::write("groups", &rows)
}

/// One run: everything of one group.
async fn one(members: u8, kept: Kept, window: Duration) -> Fallible<Vec<Measured>> {
    let mut group = Members::start(members, kept).await?;
    let mut measured = Vec::new();
    measured.extend(measure::everything("leader", group.leader()?, window).await?);
    measured.extend(measure::everything("follower", group.follower()?, window).await?);
    measured.push(group.kill_leader().await?);
    group.close().await;
    Ok(measured)
}

fn table(name: &str, runs: &[(f64, Vec<Measured>)]) -> Vec<report::Case> {
    let Some((_, first)) = runs.first() else { return Vec::new() };
    let row = |(at, measured): (usize, &Measured)| {
        let unit = Unit {
            text: measured.unit,
            better: if measured.is_latency() { "lower" } else { "higher" },
            digits: 0,
            bytes: 0,
        };
        let bare =
            if measured.unit == "us" { runs.iter().map(|(bare, _)| *bare).collect() } else { Vec::new() };
        let mosaik = runs.iter().map(|(_, run)| run[at].value).collect();
        let figure = |value: &f64| Figure { value: *value, cores: 0.0 };
        report::Case::of(format!("{name}/{}", measured.name), unit, &Runs { bare, mosaik }, figure).announce()
    };
    first.iter().enumerate().map(row).collect()
}
