//! Discovery beside bare iroh: `cargo bench --bench discovery`.
//!
//! ```text
//! cargo bench --bench discovery                           everything, the median of five runs of each side
//! cargo bench --bench discovery -- --quick                short runs, three of each
//! cargo bench --bench discovery -- complete --repeat 9    the cases whose name contains the text
//! ```
//!
//! Prints a table and writes `target/bench/discovery.json`, a list of cases with `name`, `value` (mosaik), `unit`, `raw`
//! (bare iroh), `ratio` (`value / raw`, lower is better everywhere here), `cores` and `raw_cores`, and every run.
//!
//! | filter | rows | what |
//! |---|---|---|
//! | `complete/N` | `started/N` | from the start of the first of N nodes until all have started |
//! | | `complete/N` | from the same moment until every node knows every node; cores in use until then |
//! | `idle/N` | `idle-cores/N` | processor time of all N idle nodes together, over 15 s, as cores |
//! | | `idle-memory/N` | resident memory that came with the nodes, divided by N |
//! | | `idle-connections/N` | connections that one node holds at the end, on average; each is counted at both its ends |
//!
//! # What both sides have in common
//!
//! * All N nodes are in one process, on one tokio runtime with a thread for each core, and start at once. Every node has
//!   its own endpoint, bound to 127.0.0.1 on a free port, without a relay.
//! * Every run is a child process that this program starts from its own file: memory and threads of an earlier run
//!   would show otherwise. The child has a rendezvous directory of its own, empty at the start.
//! * Idle nodes have no streams. They are watched after a pause of 10 s, in which discovery comes to rest: in the first seconds
//!   nodes try more neighbours than they keep, look into the directory ten times a second, and compare catalogs. Memory is the
//!   growth of the resident set since before the first node, so that it includes the process-wide parts of iroh and of
//!   the runtime: the more nodes, the less of them on each. Idle cases run at most three times a side.
//! * The sides take turns and change who begins, because the machine's speed drifts.
//!
//! # mosaik
//!
//! Nodes are built with the defaults and know only the network's name; they meet through the rendezvous directory. A
//! node is started when `build().await` returned. Discovery is complete when every node's catalog has N entries, its
//! own among them; catalogs are watched, not polled. Every entry was signed, sent, verified and stored by then.
//!
//! # raw: bare iroh
//!
//! The least that must happen for the same knowledge, by hand and with a centre: every node dials the first one and
//! sends it 256 bytes, about an entry; when the first one has heard everybody, it sends everybody's entries to each. There
//! is no signature, no check, no gossip, no repair, and nothing survives the first node. That is N - 1 connections and
//! one and a half round trips; a network without a centre cannot be as quick, and the ratio says how far away it is.
//! The connections stay open afterwards: idle bare nodes are N - 1 connections that iroh keeps alive.
//!
//! # What it does not say
//!
//! All nodes share this machine's cores, so that the time to completion is mostly processor time for handshakes. On a
//! real network every node has its own cores, and round trips count instead.

#[path = "../common/mod.rs"]
mod common;

mod bare;
mod child;
mod memory;
mod mosaik;

use std::process::ExitCode;

use child::{Found, Job};
use common::{
    Fallible,
    options::Options,
    repeat::{Runs, in_turns},
    report::{self, Figure, Unit},
};
use tokio::{runtime::Builder, time::Duration};

const TIME: Unit = Unit { text: "ms", better: "lower", digits: 1, bytes: 0 };
const CORES: Unit = Unit { text: "cores", better: "lower", digits: 4, bytes: 0 };
const CONNECTIONS: Unit = Unit { text: "a node", better: "lower", digits: 1, bytes: 0 };
const MEMORY: Unit = Unit { text: "MiB/node", better: "lower", digits: 2, bytes: 0 };

/// Numbers of nodes for the cases `complete/N`, and for `idle/N`.
const COMPLETE: [usize; 3] = [2, 8, 32];
const IDLE: [usize; 2] = [8, 32];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((word, rest)) if word == child::WORD => runtime(|| child::run(rest.to_vec())),
        _ => match Options::parse(arguments) {
            Ok(options) => runtime(|| bench(options)),
            Err(text) => {
                eprintln!("{text}");
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("discovery: {error}");
            ExitCode::FAILURE
        }
    }
}

fn runtime<F: Future<Output = Fallible>>(work: impl FnOnce() -> F) -> Fallible {
    Builder::new_multi_thread().enable_all().build()?.block_on(work())
}

async fn bench(options: Options) -> Fallible {
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    let none = Duration::ZERO;
    let seconds = Duration::from_secs;
    let (settle, idle) = if options.quick { (seconds(10), seconds(5)) } else { (seconds(10), seconds(15)) };
    let complete = COMPLETE.map(|nodes| (format!("complete/{nodes}"), nodes, none, none));
    let idle = IDLE.map(|nodes| (format!("idle/{nodes}"), nodes, settle, idle));
    for (name, nodes, settle, idle) in complete.into_iter().chain(idle) {
        if !options.wants(&name) {
            continue;
        }
        // An idle run is long and steady, so that fewer of them say as much.
        let repeat = if idle.is_zero() { options.repeat } else { options.repeat.min(3) };
        let options = Options { repeat, ..options.clone() };
        let runs =
            in_turns(&name, &options, async |side| child::start(&Job { side, nodes, settle, idle })).await;
        match runs {
            Ok(runs) => rows.extend(of(nodes, idle.is_zero(), &runs)),
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    report::print(&rows);
    report::write("discovery", &rows)?;
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

/// The rows of one case.
fn of(nodes: usize, complete: bool, runs: &Runs<Found>) -> Vec<report::Case> {
    let row = |name: &str, unit, pick: fn(&Found) -> Figure| {
        report::Case::of(format!("{name}/{nodes}"), unit, runs, pick).announce()
    };
    if complete {
        return vec![
            row("started", TIME, |found| Figure { value: found.started_ms, cores: 0.0 }),
            row("complete", TIME, |found| Figure { value: found.complete_ms, cores: found.start_cores }),
        ];
    }
    vec![
        row("idle-cores", CORES, |found| Figure { value: found.idle_cores, cores: found.idle_cores }),
        row("idle-memory", MEMORY, |found| Figure { value: found.node_mib, cores: 0.0 }),
        row("idle-connections", CONNECTIONS, |found| Figure { value: found.connections, cores: 0.0 }),
    ]
}
