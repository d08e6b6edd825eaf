//! Soak: nodes that stay, nodes that come and go every second, and whether anything grows.
//!
//! `cargo run -p mosaik-tests --bin soak -- --for 600` runs for ten minutes on loopback, says how it stands every ten
//! seconds, and ends with a verdict: exit code 0 when memory, tasks, descriptors and connections did not grow after the
//! first minute, no task panicked, and every item arrived or was told as a gap.

mod churn;
mod measure;
mod stay;

use std::{process::ExitCode, time::Duration};

use mosaik_tests::scratch::Scratch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use self::{
    churn::Churn,
    measure::{Sample, verdict},
    stay::Stay,
};

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How often a node comes or goes.
const STEP: Duration = Duration::from_secs(1);
/// Steps between two lines.
const LINE: u64 = 10;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the soak broke off: {error}");
            ExitCode::from(2)
        }
    }
}

/// The value after `--name`.
fn option(name: &str) -> Fallible<Option<u64>> {
    let mut words = std::env::args().skip(1);
    let value = words.find(|word| word == name).and_then(|_| words.next());
    Ok(value.map(|value| value.parse()).transpose()?)
}

async fn run() -> Fallible<bool> {
    let seconds = option("--for")?.unwrap_or(600);
    let seed = option("--seed")?.unwrap_or(7);
    println!("soak for {seconds} s, seed {seed}: a node comes or goes every second");
    let meet = Scratch::new();
    let stay = Stay::start(&meet).await?;
    let mut churn = Churn::new(seed, stay.seed_addr());
    let began = Instant::now();
    let mut steps = interval_at(began + STEP, STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut samples = Vec::new();
    println!("{}", Sample::HEADER);
    for step in 1..=seconds {
        steps.tick().await;
        churn.step(&meet).await?;
        if step % LINE == 0 || step == seconds {
            let sample = Sample::take(began.elapsed(), &stay, &churn)?;
            println!("{sample}");
            samples.push(sample);
        }
    }
    churn.end().await;
    let told = stay.end().await?;
    println!("{told}");
    Ok(verdict(&samples, &told))
}
