//! What is measured, and what counts as growth.

use std::{fmt, fs, time::Duration};

use mosaik_tests::own;

use super::{
    Fallible,
    churn::Churn,
    stay::{Stay, Told},
};

/// Before this, nothing is compared: caches fill, allocators take their share.
const WARM: Duration = Duration::from_secs(60);
/// Growth that is noise: this part, and so much on top.
const NOISE: f64 = 0.10;
const NOISE_BYTES: u64 = 8 << 20;
const NOISE_COUNT: u64 = 16;

/// How the process stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    at: Duration,
    memory: u64,
    descriptors: u64,
    threads: u64,
    tasks: u64,
    connections: u64,
    halves: u64,
    catalog: u64,
    guests: u64,
    joined: u64,
    crashed: u64,
    received: u64,
    panicked: u64,
}

impl Sample {
    pub(super) const HEADER: &'static str = "  time  memory  descriptors  threads  tasks  connections  links  catalog  guests  joined  crashed    received  panicked";

    /// Tasks, connections and links are those of the nodes that stay.
    pub(super) fn take(at: Duration, stay: &Stay, churn: &Churn) -> Fallible<Self> {
        let sum = |count: fn(&mosaik::Network) -> usize| stay.nodes().iter().map(count).sum::<usize>() as u64;
        Ok(Self {
            at,
            memory: own::resident().ok_or("the system does not say how much memory is resident")?,
            descriptors: fs::read_dir("/proc/self/fd")?.count() as u64,
            threads: fs::read_dir("/proc/self/task")?.count() as u64,
            tasks: sum(|node| node.tasks().running),
            connections: sum(|node| node.transport().usage().connections),
            halves: sum(|node| node.transport().usage().halves),
            catalog: sum(|node| node.discovery().catalog().len()),
            guests: churn.present() as u64,
            joined: churn.joined,
            crashed: churn.crashed,
            received: stay.received(),
            panicked: stay.panicked() + churn.panicked,
        })
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>4} s  {:>3} MiB  {:>11}  {:>7}  {:>5}  {:>11}  {:>5}  {:>7}  {:>6}  {:>6}  {:>7}  {:>10}  {:>8}",
            self.at.as_secs(),
            self.memory >> 20,
            self.descriptors,
            self.threads,
            self.tasks,
            self.connections,
            self.halves / 2,
            self.catalog,
            self.guests,
            self.joined,
            self.crashed,
            self.received,
            self.panicked,
        )
    }
}

/// Says what grew; whether all is well.
pub(super) fn verdict(samples: &[Sample], told: &Told) -> bool {
    let mut wrong = Vec::new();
    if told.panicked > 0 || samples.last().is_some_and(|last| last.panicked > 0) {
        wrong.push("tasks panicked".to_owned());
    }
    if told.out_of_order > 0 {
        wrong.push("items came out of order".to_owned());
    }
    if told.left_running > 0 {
        wrong.push(format!("{} tasks run on after the end", told.left_running));
    }
    for (got, lost) in told.got.iter().zip(&told.lost) {
        if got + lost != told.sent {
            wrong.push(format!("{} sent, {got} received and {lost} told as lost", told.sent));
        }
    }
    let warm: Vec<_> = samples.iter().filter(|sample| sample.at >= WARM).collect();
    if warm.len() < 6 {
        println!("too short to say whether anything grows: it takes two minutes at least");
    } else {
        let (early, late) = (&warm[..warm.len() / 3], &warm[warm.len() - warm.len() / 3..]);
        let mut grows = |what: &str, noise: u64, of: fn(&Sample) -> u64| {
            let (before, after) = (median(early, of), median(late, of));
            let allowed = before + (before as f64 * NOISE) as u64 + noise;
            println!("{what}: median {before} early, {after} late, {allowed} allowed");
            if after > allowed {
                wrong.push(format!("{what} grew from {before} to {after}"));
            }
        };
        grows("memory in bytes", NOISE_BYTES, |sample| sample.memory);
        grows("descriptors", NOISE_COUNT, |sample| sample.descriptors);
        grows("threads", NOISE_COUNT, |sample| sample.threads);
        grows("tasks", NOISE_COUNT, |sample| sample.tasks);
        grows("connections", NOISE_COUNT, |sample| sample.connections);
        grows("halves of links", NOISE_COUNT, |sample| sample.halves);
    }
    println!(
        "{}",
        if wrong.is_empty() { "verdict: sound".to_owned() } else { format!("verdict: {}", wrong.join("; ")) }
    );
    wrong.is_empty()
}

fn median(samples: &[&Sample], of: fn(&Sample) -> u64) -> u64 {
    let mut values: Vec<u64> = samples.iter().map(|sample| of(sample)).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
