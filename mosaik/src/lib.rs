//! Self-organizing, leaderless distributed systems: declare intent, and the network does the wiring.
//!
//! A program declares what it is: the types that travel, and the nodes that produce and consume them. Nodes on any
//! machines find each other from a network's name, connect as their declarations imply, and stay connected.
//!
//! ```no_run
//! use mosaik::prelude::*;
//!
//! /// What one machine is doing. Every node that names "host.load" meets on the same stream.
//! #[stream("host.load")]
//! pub struct Load {
//!     pub host: String,
//!     pub cpu_percent: f32,
//! }
//!
//! /// `Producer<Load>` in the signature is the declaration that this node produces that stream.
//! #[mosaik::node(network = "fleet", tags = ["sensor"])]
//! async fn sensor(mut loads: Producer<Load>) -> mosaik::Result<()> {
//!     loads.when().subscribed().minimum_of(1).await;
//!     loop {
//!         loads.send(Load { host: "here".into(), cpu_percent: 12.5 }).await?;
//!         sleep(Duration::from_secs(1)).await;
//!     }
//! }
//!
//! #[mosaik::node(network = "fleet", tags = ["display"])]
//! async fn display(mut loads: Consumer<Load>) -> mosaik::Result<()> {
//!     while let Some(load) = loads.next().await {
//!         println!("{}: {:.1} % cpu", load.host, load.cpu_percent);
//!     }
//!     Ok(())
//! }
//!
//! mosaik::main!(sensor, display);
//! ```
//!
//! Started without arguments this runs both nodes in one process; `-- sensor` and `-- display` run one each, and they find
//! each other. `-- topology` draws the data flow, `-- --help` lists everything else.
//!
//! This crate is the facade: the attributes, the [`prelude`], and the command line of a node. What runs lives in
//! `mosaik-runtime`, whose floors are re-exported here under their names.

#[doc(hidden)]
pub mod __private;
#[cfg(feature = "main")]
mod args;
#[cfg(feature = "main")]
mod cli;
mod entry;
mod gate;
mod parameter;
pub mod prelude;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "cli")]
mod tool;

#[cfg(feature = "main")]
pub use args::Args;
#[cfg(feature = "main")]
pub use clap;
#[cfg(feature = "main")]
pub use derives::*;
pub use mosaik_macros::{collection, data, group, methods, node, proof, stream};
pub use mosaik_runtime::{
    admission, collections, discovery, groups,
    node::{self, Error, FromNode, Network, Node, Result, Shutdown},
    primitives, streams, tickets, topology, transport,
};

use std::time::Duration;

/// Waits for `time`: real time in a program, virtual time in a simulation.
pub async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// clap's derive macro beside our struct of the same name: the glob above brings both of clap's names in, and the struct
/// takes the place of the trait.
#[cfg(feature = "main")]
mod derives {
    pub use clap::Args;
}
