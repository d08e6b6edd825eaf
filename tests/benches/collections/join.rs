//! A reader that is new, in a process of its own, gets a map as a whole.

use std::process::{Command, Stdio};

use tokio::{task::spawn_blocking, time::Instant};

use super::{
    measured::Measured,
    memory::resident_mib,
    nodes::{self, LONG},
};
use crate::common::Fallible;

/// The first argument of a child.
const CHILD: &str = "--join-child";

/// One run: what a reader says that it took.
pub(crate) async fn measure(entries: u64) -> Fallible<Vec<Measured>> {
    let name = nodes::name("join");
    let (network, writer) = nodes::writer(&name, 1).await?;
    nodes::online(&writer).await?;
    nodes::fill(&writer, entries).await?;
    let mut child = Command::new(std::env::current_exe()?);
    child.args([CHILD, &name, &entries.to_string()]).stdin(Stdio::null()).stderr(Stdio::inherit());
    // It ends by itself when nothing comes.
    let said = spawn_blocking(move || child.output()).await??;
    if !said.status.success() {
        return Err("the reader failed".into());
    }
    let said = String::from_utf8(said.stdout)?;
    let mut numbers = said.split_whitespace().map(str::parse::<f64>);
    let mut all = Vec::new();
    for (name, unit) in [("time", "ms"), ("memory", "KiB"), ("received", "KiB")] {
        let value = numbers.next().ok_or("the reader said too little")??;
        all.push(Measured { name: name.to_owned(), value, unit, cores: 0.0 });
    }
    nodes::close([network]).await;
    Ok(all)
}

/// A process that reads.
pub(crate) struct Child {
    network: String,
    entries: u64,
}

impl Child {
    /// If this process is one.
    pub(crate) fn asked_for() -> Option<Self> {
        let mut arguments = std::env::args().skip(1);
        arguments.next().filter(|first| first == CHILD)?;
        Some(Self { network: arguments.next()?, entries: arguments.next()?.parse().ok()? })
    }

    /// Reads, and says how long it took, how much memory came with it, and how much it received.
    pub(crate) async fn run(self) -> Fallible {
        let network = mosaik_runtime::node::Network::builder(self.network).build().await?;
        let before = resident_mib()?;
        let start = Instant::now();
        let reader = network.collections().map::<u64, u64>("bench.numbers").reader().await?;
        while (reader.len() as u64) < self.entries {
            tokio::time::timeout(LONG, reader.when().updated()).await.map_err(|_| "nothing comes")?;
        }
        let took = start.elapsed().as_secs_f64() * 1e3;
        let grown = (resident_mib()? - before) * 1024.0;
        let received = reader.status().received.bytes as f64 / 1024.0;
        println!("{took} {grown} {received}");
        nodes::close([network]).await;
        Ok(())
    }
}
