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
    repeat::{Runs, Side, in_turns},
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
            if !options.wants(&name) {
                continue;
            }
            let runs = in_turns(&name, options, |side| one(side, members, kept, window)).await?;
            rows.extend(table(&name, &runs));
        }
    }
    report::print(&rows);
    report::write("groups", &rows)
}

/// One run of one side: everything of one group, or a round trip.
async fn one(side: Side, members: u8, kept: Kept, window: Duration) -> Fallible<Vec<Measured>> {
    if side == Side::Bare {
        return Ok(vec![bare::round_trip(window).await?]);
    }
    let mut group = Members::start(members, kept).await?;
    let mut measured = measure::everything("leader", group.leader()?, window).await?;
    measured.extend(measure::everything("follower", group.follower()?, window).await?);
    measured.push(group.kill_leader().await?);
    group.close().await;
    Ok(measured)
}

fn table(name: &str, runs: &Runs<Vec<Measured>>) -> Vec<report::Case> {
    let Some(first) = runs.mosaik.first() else { return Vec::new() };
    let row = |(at, measured): (usize, &Measured)| {
        let better = if measured.is_latency() { "lower" } else { "higher" };
        let unit = Unit { text: measured.unit, better, digits: 0, bytes: 0 };
        let figure = |run: &Vec<Measured>| match &run[..] {
            [bare] if bare.unit == measured.unit => bare.figure(),
            [_] => Figure { value: 0.0, cores: 0.0 },
            run => run[at].figure(),
        };
        report::Case::of(format!("{name}/{}", measured.name), unit, runs, figure).announce()
    };
    first.iter().enumerate().map(row).collect()
}
