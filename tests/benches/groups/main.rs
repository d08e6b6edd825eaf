//! Groups beside a bare round trip: `cargo bench --bench groups`.
//!
//! ```text
//! cargo bench --bench groups                              everything, the median of five runs
//! cargo bench --bench groups -- --quick                   short runs, three of each
//! cargo bench --bench groups -- 3/memory --repeat 1       the settings whose name contains the text
//! ```
//!
//! Prints a table and writes `target/bench/groups.json`. A name is `<members>/<storage>/<measure>/<leader|follower>`. In the column "bare iroh"
//! stands what a figure is to be compared with, measured in the same run: beside a latency the median of a round trip of 32 bytes on an open stream between two
//! endpoints; beside a throughput in memory that of openraft alone, whose members call each other in this process, with nothing encoded or encrypted; beside a
//! throughput on disk how often a second a file takes 512 bytes and a flush, one after the other. The rows `beside` repeat them.
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
//! * `3/join`: three nodes in memory have a log of 100 000 entries, or a state of 100 MB in a snapshot and 24 000 entries; milliseconds from the
//!   start of a fourth node to the answer of a linearizable read there.
//! * `200x3/idle`: three nodes are members of 200 groups that nobody uses: how much of a core each node takes, and how much resident memory came
//!   with each group on each node.
//!
//! `durable` writes to a directory below the system's temporary one; what a flush costs there is what it costs here.

#[path = "../common/mod.rs"]
mod common;

mod alone;
mod bare;
mod flush;
mod group;
mod idle;
mod join;
mod measure;
mod measured;
#[path = "../discovery/memory.rs"]
mod memory;
mod sum;

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
    let join = "3/join";
    if options.wants(join) {
        let runs = in_turns(join, options, |side| by_itself(side, join::measure())).await?;
        rows.extend(table(join, &runs));
    }
    let idle = format!("{}x3/idle", idle::GROUPS);
    if options.wants(&idle) {
        let runs = in_turns(&idle, options, |side| by_itself(side, idle::measure(5 * window))).await?;
        rows.extend(table(&idle, &runs));
    }
    report::print(&rows);
    report::write("groups", &rows)
}

/// One run of what has nothing beside it.
async fn by_itself(
    side: Side,
    measure: impl Future<Output = Fallible<Vec<Measured>>>,
) -> Fallible<Vec<Measured>> {
    if side == Side::Bare { Ok(Vec::new()) } else { measure.await }
}

/// One run of one side: everything of one group; or a round trip, openraft alone, and one flush at a time.
async fn one(side: Side, members: u8, kept: Kept, window: Duration) -> Fallible<Vec<Measured>> {
    if side == Side::Bare {
        let mut bare = vec![bare::round_trip(window).await?];
        match kept {
            Kept::Memory => bare.extend(alone::measure(members, window).await?),
            Kept::Durable => bare.push(flush::one_at_a_time(window)?),
        }
        return Ok(bare);
    }
    let mut group = Members::start(members, kept).await?;
    let mut measured = measure::everything("leader", group.leader()?, window).await?;
    measured.extend(measure::everything("follower", group.follower()?, window).await?);
    measured.push(group.kill_leader().await?);
    group.close().await;
    Ok(measured)
}

/// The rows of mosaik, each beside what it is to be compared with; then what that was.
fn table(name: &str, runs: &Runs<Vec<Measured>>) -> Vec<report::Case> {
    let mine = runs.mosaik.first().into_iter().flatten();
    let theirs = runs.bare.first().into_iter().flatten();
    let unit = |measured: &Measured| {
        let better = if measured.is_better_lower() { "lower" } else { "higher" };
        Unit { text: measured.unit, better, digits: 1, bytes: 0 }
    };
    let rows = mine.map(|measured| {
        let figure = |run: &Vec<Measured>| {
            let same = run.iter().find(|found| found.name == measured.name);
            same.or_else(|| beside(measured, run)).map_or(NONE, Measured::figure)
        };
        report::Case::of(format!("{name}/{}", measured.name), unit(measured), runs, figure).announce()
    });
    let beside = theirs.map(|measured| {
        let figure = |run: &Vec<Measured>| {
            run.iter().find(|found| found.name == measured.name).map_or(NONE, Measured::figure)
        };
        report::Case::of(format!("{name}/beside/{}", measured.name), unit(measured), runs, figure).announce()
    });
    rows.chain(beside).collect()
}

const NONE: Figure = Figure { value: 0.0, cores: 0.0 };

/// What of the other side a figure is compared with: a latency with the round trip; a throughput with openraft alone, or with flushes.
fn beside<'a>(measured: &Measured, other: &'a [Measured]) -> Option<&'a Measured> {
    let of = |name: &str| other.iter().find(|found| found.name == name);
    match measured.unit {
        "us" => of("round-trip"),
        "commands/s" => {
            let kind = measured.name.split('/').next()?;
            of(&format!("alone-{kind}")).or_else(|| of("one-flush"))
        }
        _ => None,
    }
}
