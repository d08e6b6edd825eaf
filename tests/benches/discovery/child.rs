//! One run in a fresh process: this program started again.
//!
//! A process that ran nodes before has their memory and their threads; and every run shall have a rendezvous directory of
//! its own, which is given through the environment.

use std::{
    fs,
    process::{Command, Stdio},
};

use tokio::time::{Duration, Instant, sleep, timeout};

use super::{bare, memory::resident_mib, mosaik};
use crate::common::{Fallible, repeat::Side, usage::cpu_seconds};

/// The first argument of a child.
pub(crate) const WORD: &str = "--child";

/// How long nodes may take to find each other before a run counts as failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a child is to do.
pub(crate) struct Job {
    /// With or without mosaik.
    pub(crate) side: Side,
    /// How many nodes, all in the child's process.
    pub(crate) nodes: usize,
    /// How long to wait between the end of discovery and the measurement of idle nodes.
    pub(crate) settle: Duration,
    /// How long idle nodes are watched; zero if they are not.
    pub(crate) idle: Duration,
}

/// What a child found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// From the start of the first node until all have started, in milliseconds.
    pub(crate) started_ms: f64,
    /// From the start of the first node until every node knows every node, in milliseconds.
    pub(crate) complete_ms: f64,
    /// Cores in use until then.
    pub(crate) start_cores: f64,
    /// Cores that all idle nodes use together.
    pub(crate) idle_cores: f64,
    /// Resident memory that came with the nodes, divided by their number, in MiB.
    pub(crate) node_mib: f64,
    /// Connections that an idle node holds, on average.
    pub(crate) connections: f64,
}

/// Runs a child to its end.
pub(crate) fn start(job: &Job) -> Fallible<Found> {
    let directory = std::env::temp_dir().join(format!("mosaik-bench-{}", std::process::id()));
    let numbers =
        [job.nodes.to_string(), job.settle.as_millis().to_string(), job.idle.as_millis().to_string()];
    let output = Command::new(std::env::current_exe()?)
        .args([WORD, job.side.as_str()])
        .args(numbers)
        .env("MOSAIK_RUNTIME_DIR", &directory)
        .stderr(Stdio::inherit())
        .output()?;
    let _ = fs::remove_dir_all(&directory);
    if !output.status.success() {
        return Err(format!("the child ended with {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    let [started_ms, complete_ms, start_cores, idle_cores, node_mib, connections] = numbers?[..] else {
        return Err(format!("the child's answer is malformed: {text}").into());
    };
    Ok(Found { started_ms, complete_ms, start_cores, idle_cores, node_mib, connections })
}

/// The nodes of either kind, started.
enum World {
    Bare(bare::World),
    Mosaik(mosaik::World),
}

/// The life of a child.
pub(crate) async fn run(arguments: Vec<String>) -> Fallible {
    let [side, numbers @ ..] = &arguments[..] else { return Err("a child needs a side".into()) };
    let side = Side::parse(side).ok_or("no such side")?;
    let numbers: Result<Vec<u64>, _> = numbers.iter().map(|text| text.parse()).collect();
    let [nodes, settle, idle] = numbers?[..] else { return Err("a child needs three numbers".into()) };
    let nodes = usize::try_from(nodes)?;

    let (memory, cpu, start) = (resident_mib()?, cpu_seconds()?, Instant::now());
    let mut world = match side {
        Side::Bare => World::Bare(bare::World::start(nodes).await?),
        Side::Mosaik => World::Mosaik(mosaik::World::start(nodes).await?),
    };
    let started = start.elapsed();
    let complete = async {
        match &mut world {
            World::Bare(world) => world.complete().await,
            World::Mosaik(world) => world.complete().await,
        }
    };
    timeout(DEADLINE, complete).await.map_err(|_| "the nodes did not find each other in time")??;
    let complete = start.elapsed();
    let start_cores = (cpu_seconds()? - cpu) / complete.as_secs_f64();

    let (idle_cores, node_mib) =
        watch(nodes, memory, Duration::from_millis(settle), Duration::from_millis(idle)).await?;
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let held = match &world {
        World::Bare(world) => world.connections(),
        World::Mosaik(world) => world.connections(),
    };
    let (started, complete, held) =
        (milliseconds(started), milliseconds(complete), held as f64 / nodes as f64);
    println!("{started} {complete} {start_cores} {idle_cores} {node_mib} {held}");
    drop(world);
    Ok(())
}

async fn watch(nodes: usize, memory: f64, settle: Duration, idle: Duration) -> Fallible<(f64, f64)> {
    if idle.is_zero() {
        return Ok((0.0, 0.0));
    }
    sleep(settle).await;
    let (cpu, start) = (cpu_seconds()?, Instant::now());
    sleep(idle).await;
    let cores = (cpu_seconds()? - cpu) / start.elapsed().as_secs_f64();
    Ok((cores, (resident_mib()? - memory) / nodes as f64))
}
