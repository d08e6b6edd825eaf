//! Tests of whole networks: the nodes of a program, unchanged, on a simulated network and a virtual clock.
//!
//! ```
//! use mosaik::{prelude::*, sim::{World, secs, sim_node}};
//!
//! #[stream("lab.tick")]
//! pub struct Tick(u64);
//!
//! #[mosaik::node(network = "lab")]
//! async fn ticker(mut ticks: Producer<Tick>) -> mosaik::Result<()> {
//!     for n in 0.. {
//!         ticks.send(Tick(n)).await?;
//!         sleep(Duration::from_secs(1)).await;
//!     }
//!     Ok(())
//! }
//!
//! #[mosaik::node(network = "lab")]
//! async fn listener(mut ticks: Consumer<Tick>) -> mosaik::Result<()> {
//!     while ticks.next().await.is_some() {}
//!     Ok(())
//! }
//!
//! # fn main() {
//! let mut world = World::new(7).add(sim_node!(ticker).times(2)).add(sim_node!(listener));
//! world.run_for(secs(5));
//! world.partition([0], [1, 2]).run_for(secs(10)).heal();
//! world.run_until(|w| w.trace::<Tick>().received_by("listener") >= 30);
//! # }
//! ```

pub use mosaik_runtime::node::world::{
    LIMIT, LinkSettings, Nodes, Program, StreamTrace, Surroundings, World, millis, secs,
};

#[doc(inline)]
pub use crate::__sim_node as sim_node;

/// The nodes that `#[mosaik::node]` declares, to be added to a [`World`]: `sim_node!(sensor)`, `sim_node!(sensor).times(3)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __sim_node {
    ($node:ty) => {
        $crate::sim::Nodes::of::<$node>()
    };
}
