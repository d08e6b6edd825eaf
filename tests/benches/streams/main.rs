//! Streams beside bare iroh: `cargo bench --bench streams`.
//!
//! ```text
//! cargo bench --bench streams                                  everything, the median of five runs of each side
//! cargo bench --bench streams -- --quick                       short runs, three of each
//! cargo bench --bench streams -- throughput/1to1 --repeat 3    the cases whose name contains the text
//! ```
//!
//! Prints a table and writes `target/bench/streams.json`, a list of cases with `name`, `value` (mosaik), `unit`, `raw`
//! (bare iroh), `ratio` (`value / raw`), `better` (which direction is good), `cores` and `raw_cores`, `cost_ratio`, and
//! every run. Cost is processor time for each item, both processes together, as a ratio to bare: other programs on the
//! machine change it less than they change the throughput.
//! A name is `<measure>/1to<consumers>/<size>/<one-process|two-processes|two-full-processes>`.
//!
//! # What both sides have in common
//!
//! * One producer and 1 or 8 consumers. Every consumer is a node (bare: an endpoint) with a connection of its own,
//!   over QUIC on 127.0.0.1, with iroh's default limits and no relay. The consumers dial.
//! * In one process, both run on one tokio runtime with a thread for each core. In two processes the consumers are in a
//!   child that this program starts from its own file; the child has a runtime of the same kind. `two-processes` share out
//!   the threads of one, half for each, so that only the number of processes differs; `two-full-processes` have a thread
//!   for each core each, as `#[tokio::main]` gives it, which makes two threads for each core.
//! * An item takes exactly the size in the case's name when encoded. What the transport or a frame adds comes on top and
//!   is not counted in MB/s.
//! * A run opens everything anew, waits until all consumers listen, warms up for 0.5 s and counts for 2 s. Items are
//!   counted where they arrive, in the consumer's own task. Cores are the processor time of all processes meanwhile.
//! * Every consumer checks that numbers follow each other and that sizes are right. One lost or damaged item voids the
//!   run; it is repeated, and after three failures the case has no figure and the bench fails.
//! * The sides take turns and change who begins, because the machine's speed drifts. In each turn a side runs in one process and
//!   then in two; `against-one` is the median of the turns' ratios to the one.
//!
//! # mosaik
//!
//! The item is `{ seq: u64, data: Bytes }`. The producer calls `send(item).await` for every item, with the overflow policy
//! `block`, so that nothing is lost and back-pressure is real. A consumer calls `next().await` for every item, from a task
//! of its own. All other settings are defaults. Nothing is batched by hand: what is measured is what a user writes.
//!
//! # raw: bare iroh
//!
//! * Throughput: a frame is a length (4 bytes), the number (8 bytes) and padding up to the size. Frames below 64 KiB are
//!   copied into segments of 64 KiB, each handed to one `write_chunk`; so 32 B is compared with *coalesced* frames. A
//!   frame of 64 KiB is a head and shared bytes in one `write_all_chunks`, without a copy. The receiver reads into one
//!   buffer of 512 KiB and walks the frames in it; it neither decodes nor allocates. With eight consumers there are
//!   eight connections, each with a sender task and segments of its own; the figure is the sum.
//! * Latency: a message goes one way, not round trip. Each millisecond one frame is written to every stream, with the
//!   moment before the first write as its number; a receiver takes the difference to the moment when the frame is whole
//!   in its buffer. mosaik: from before `send` until `next` has returned the decoded item. Ticks that were missed are
//!   skipped. p50 and p99 are over the items of all consumers in one run, the table has the median of the runs.
//!   Both processes read the wall clock, since they have no other in common.
//!
//! * Join: new endpoints come one after the other, 20 in a run, and each is timed from the beginning of its dial until the
//!   first frame is whole: a handshake, a stream and an item. mosaik: new nodes that know the producer's address, each timed
//!   from the moment when its catalog has the producer with its stream until `next` has returned; by then the node has a
//!   connection for discovery, and needs one for streams, admission and a subscription. The table has the median and the longest.
//!
//! # What it does not say
//!
//! Loopback has no loss and no distance. Producer and consumers share the machine's cores, so that throughput is
//! processor time per item; absolute figures drift with the machine, and only ratios of one run are to be quoted.
//! Where fewer cores than there are were in use, the sockets or the congestion control were the limit, on both sides.

#[path = "../common/mod.rs"]
mod common;

mod bare;
mod case;
mod child;
mod mosaik;
mod payload;
mod run;
mod sinks;
mod tally;

use std::process::ExitCode;

use case::{Case, Measure, Place, Windows};
use common::{
    Fallible,
    options::Options,
    repeat::{Runs, in_turns},
    report::{self, Figure, Unit},
};
use tokio::runtime::{Builder, Runtime};

const MILLISECONDS: Unit = Unit { text: "ms", better: "lower", digits: 1, bytes: 0 };
const MICROSECONDS: Unit = Unit { text: "us", better: "lower", digits: 0, bytes: 0 };

const OF_ONE: Unit = Unit { text: "of one process", better: "higher", digits: 2, bytes: 0 };

const fn items(size: usize) -> Unit {
    Unit { text: "items/s", better: "higher", digits: 0, bytes: size }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((word, rest)) if word == child::WORD => child::run(rest),
        _ => match Options::parse(arguments) {
            Ok(options) => coordinator().and_then(|runtime| runtime.block_on(bench(&options))),
            Err(text) => {
                eprintln!("{text}");
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("streams: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What waits for the runs; each has a runtime of its own.
fn coordinator() -> Fallible<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// What a process of a case runs on.
fn runtime(place: Place) -> Fallible<Runtime> {
    let cores = std::thread::available_parallelism()?.get();
    Ok(Builder::new_multi_thread().worker_threads(place.threads(cores)).enable_all().build()?)
}

async fn bench(options: &Options) -> Fallible {
    let windows = case::windows(options.quick);
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for mut cases in case::all() {
        cases.retain(|case| options.wants(&case.name()));
        let Some(first) = cases.first() else { continue };
        payload::check(first.size)?;
        match one(&cases, windows, options).await {
            Ok(more) => rows.extend(more),
            Err(error) => failed.push(format!("{}: {error}", first.name())),
        }
    }
    report::print(&rows);
    report::write("streams", &rows)?;
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

/// What differs only in the number of processes, one after the other in each turn.
async fn one(cases: &[Case], windows: Windows, options: &Options) -> Fallible<Vec<report::Case>> {
    let name: Vec<String> = cases.iter().map(Case::name).collect();
    let run = |side| async move {
        let mut outcomes = Vec::new();
        for case in cases {
            let (case, runtime) = (*case, runtime(case.place)?);
            // In a thread that may block: there the runtime is dropped as well, with all that the run left in it.
            let run = tokio::task::spawn_blocking(move || runtime.block_on(run::run(side, case, windows)));
            outcomes.push(run.await??);
        }
        Ok(outcomes)
    };
    let runs = in_turns(&name.join(", "), options, run).await?;
    let each = cases.iter().enumerate().flat_map(|(at, case)| rows(*case, at, &runs));
    Ok(each.chain(against_one(cases, &runs)).collect())
}

/// The rows of the case that was run as number `at` of a turn.
fn rows(case: Case, at: usize, runs: &Runs<Vec<run::Outcome>>) -> Vec<report::Case> {
    let row = |name, unit, value: fn(&run::Outcome) -> f64| {
        let figure = |run: &Vec<run::Outcome>| Figure { value: value(&run[at]), cores: run[at].cores };
        report::Case::of(case.name_as(name), unit, runs, figure).announce()
    };
    match case.measure {
        Measure::Throughput => vec![row("throughput", items(case.size), |run| run.rate)],
        Measure::Latency => vec![
            row("latency-p50", MICROSECONDS, |run| run.p50),
            row("latency-p99", MICROSECONDS, |run| run.p99),
        ],
        // With twenty or fewer, the last of a hundred is the longest.
        Measure::Join => vec![
            row("join-p50", MILLISECONDS, |run| run.p50 / 1e3),
            row("join-max", MILLISECONDS, |run| run.p99 / 1e3),
        ],
    }
}

/// Which part of its throughput in one process a case has in two, turn by turn.
fn against_one(cases: &[Case], runs: &Runs<Vec<run::Outcome>>) -> Vec<report::Case> {
    let one = cases.iter().position(|case| case.place == Place::OneProcess);
    let Some(one) = one.filter(|at| cases[*at].measure == Measure::Throughput) else { return Vec::new() };
    let others = cases.iter().enumerate().filter(|(at, _)| *at != one);
    let row = |(at, case): (usize, &Case)| {
        let figure =
            |run: &Vec<run::Outcome>| Figure { value: run[at].rate / run[one].rate.max(1.0), cores: 0.0 };
        report::Case::of(case.name_as("against-one"), OF_ONE, runs, figure).announce()
    };
    others.map(row).collect()
}
