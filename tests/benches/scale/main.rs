//! What discovery says as a network grows, on the simulated network: `cargo bench --bench scale`.
//!
//! ```text
//! cargo bench --bench scale                   10, 30, 100, 300 and 1000 nodes
//! cargo bench --bench scale -- 100 1000       these numbers of nodes; 1000 take minutes and 1.5 GiB
//! ```
//!
//! Prints one line per size, as a table of `docs/performance.md`. All nodes are in one process on a virtual clock; frames
//! take 20 ms, and a tenth of them is lost once and comes later. There is no directory: every node knows the addresses of
//! the first three. A tenth of the nodes starts each second.
//!
//! | column | what |
//! |---|---|
//! | join | from the last start until every catalog holds every node; frames and kilobytes that each node sent since the first start |
//! | change | a node adds a tag: until every node knows, the slowest of ten; frames and bytes that each node sent for one, beyond its rest |
//! | rest | frames and bytes that each node sends in a second while nothing happens, over a minute |
//! | links | connections of each node at rest |
//! | crash | one node crashes: until every node knows |
//! | real | processor time of this process for all of it, and its memory in the end |
//!
//! A frame is one write on a stream, its bytes are those before encryption. QUIC's own packets (acknowledgements,
//! keep-alives, handshakes) are not in it, because the simulated network has none.

mod fleet;

use std::process::ExitCode;

use mosaik_runtime::{
    node::world::{World, millis, secs},
    transport::sim::Traffic,
};
use mosaik_tests::own;

use fleet::Fleet;

/// Nodes whose addresses everybody knows.
const SEEDS: usize = 3;
/// Nodes that change what they say of themselves, one after the other.
const CHANGES: usize = 10;

fn main() -> ExitCode {
    let words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let sizes: Result<Vec<usize>, _> = words.map(|word| word.parse::<usize>()).collect();
    let Ok(mut sizes) = sizes else {
        eprintln!("usage: cargo bench --bench scale -- [NODES …]");
        return ExitCode::from(2);
    };
    if sizes.is_empty() {
        sizes = vec![10, 30, 100, 300, 1000];
    }
    println!(
        "| nodes | join: s | frames | kB | change: s | frames | B | rest: frames/s | B/s | links | crash: s | real |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for nodes in sizes {
        println!("{}", measure(nodes.max(CHANGES)));
    }
    ExitCode::SUCCESS
}

/// What each node sent between two readings.
struct Each {
    frames: f64,
    bytes: f64,
}

fn each(before: Traffic, after: Traffic, nodes: usize) -> Each {
    let per = |total: u64| total as f64 / nodes as f64;
    Each { frames: per(after.frames - before.frames), bytes: per(after.bytes - before.bytes) }
}

fn measure(nodes: usize) -> String {
    let fleet = Fleet::default();
    let mut world = World::new(1).limit(secs(600));
    world.net().close_directory();
    world.set_latency(millis(20)).set_loss(0.1);
    world.join(fleet.nodes(SEEDS));
    fleet.begin_at((0..SEEDS).map(|node| world.peer(node)));
    let batch = nodes.div_ceil(10);
    let mut started = SEEDS;
    while started < nodes {
        world.run_for(secs(1));
        let more = batch.min(nodes - started);
        world.join(fleet.nodes(more));
        started += more;
    }
    let last = world.now();
    until(&mut world, || fleet.all_know(nodes));
    let joined = (world.now() - last).as_secs_f64();
    let join = each(Traffic::default(), world.net().traffic(), nodes);

    world.run_for(secs(120));
    let (before, minute) = (world.net().traffic(), 60);
    world.run_for(secs(minute));
    let rest = each(before, world.net().traffic(), nodes);
    let links = 2.0 * world.net().connections() as f64 / nodes as f64;

    let (start, before, mut slowest) = (world.now(), world.net().traffic(), 0_f64);
    for node in 0..CHANGES {
        let start = world.now();
        fleet.change(node * nodes / CHANGES);
        until(&mut world, || fleet.all_heard(nodes));
        slowest = slowest.max((world.now() - start).as_secs_f64());
        world.run_for(secs(2));
    }
    let share = (world.now() - start).as_secs_f64() / minute as f64;
    let change = each(before, world.net().traffic(), nodes);
    let per_change = |total: f64, rest: f64| (total - rest * share) / CHANGES as f64;

    let start = world.now();
    world.crash(nodes - 1);
    fleet.crashed(nodes - 1);
    until(&mut world, || fleet.all_know(nodes - 1));
    let seen = (world.now() - start).as_secs_f64();
    let usage = usage();
    format!(
        "| {nodes} | {joined:.1} | {:.0} | {:.0} | {slowest:.2} | {:.1} | {:.0} | {:.2} | {:.0} | {links:.1} | {seen:.1} | {usage} |",
        join.frames,
        join.bytes / 1e3,
        per_change(change.frames, rest.frames),
        per_change(change.bytes, rest.bytes),
        rest.frames / minute as f64,
        rest.bytes / minute as f64,
    )
}

/// Lets the world run until the condition holds, with a look every 20 ms.
fn until(world: &mut World, condition: impl Fn() -> bool) {
    let start = world.now();
    while !condition() {
        assert!(world.now() - start < secs(600), "it did not come about within ten minutes");
        world.run_for(millis(20));
    }
}

/// Processor time and memory of this process, from the system.
fn usage() -> String {
    let (seconds, bytes) =
        (own::processor_seconds().unwrap_or_default(), own::resident().unwrap_or_default());
    format!("{} s, {:.0} MiB", seconds as u64, bytes as f64 / f64::from(1 << 20))
}
