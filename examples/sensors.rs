//! Machines that publish their load, and displays that print it.
//!
//! `cargo run --example sensors` runs both in one process. `-- sensor` and `-- display` run one each: start them in two
//! terminals, in any order, and as many as you like.

use std::sync::{LazyLock, Mutex, PoisonError};

use mosaik::prelude::*;
use sysinfo::System;

/// What one machine is doing. Every node that names "host.load" meets on the same stream.
#[stream("host.load")]
pub struct Load {
    pub host: String,
    pub cpu_percent: f32,
    pub memory_mib: u64,
}

/// Publishes this machine's real load every second. `Producer<Load>` in the signature *is* the declaration
/// that this node produces that stream.
#[mosaik::node(network = "fleet", tags = ["sensor"])]
async fn sensor(mut loads: Producer<Load>) -> mosaik::Result<()> {
    loads.when().subscribed().minimum_of(1).await;
    loop {
        loads.send(measure()).await?;
        sleep(Duration::from_secs(1)).await;
    }
}

/// Prints every load that any machine publishes.
#[mosaik::node(network = "fleet", tags = ["display"])]
async fn display(mut loads: Consumer<Load>) -> mosaik::Result<()> {
    while let Some(load) = loads.next().await {
        println!("{}: {:.1} % cpu, {} MiB", load.host, load.cpu_percent, load.memory_mib);
    }
    Ok(())
}

mosaik::main!(sensor, display);

/// Reads the operating system.
fn measure() -> Load {
    // Use of a processor is a difference between two looks, so the system is kept between readings.
    static SYSTEM: LazyLock<Mutex<System>> = LazyLock::new(|| Mutex::new(System::new()));
    let mut system = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    system.refresh_cpu_usage();
    system.refresh_memory();
    Load {
        host: System::host_name().unwrap_or_else(|| "unknown".to_owned()),
        cpu_percent: system.global_cpu_usage(),
        memory_mib: system.used_memory() / (1024 * 1024),
    }
}
