//! The top floor: a node and its life.
//!
//! Here the floors below are put together: a [`NetworkBuilder`] starts a [`Network`], parameters of nodes are made from it
//! ([`FromNode`]), and [`life::run`] takes a declared node from its checks to its end.

mod builder;
#[cfg(all(test, feature = "sim"))]
mod collected;
#[cfg(all(test, feature = "sim"))]
mod collected_again;
#[cfg(all(test, feature = "sim"))]
mod collected_input;
#[cfg(all(test, feature = "sim", feature = "durable"))]
mod collected_keys;
#[cfg(all(test, feature = "sim"))]
mod collected_reads;
#[cfg(all(test, feature = "sim"))]
mod collected_views;
#[cfg(all(test, feature = "sim"))]
mod differing;
mod error;
mod from_node;
#[cfg(all(test, feature = "sim"))]
mod grouped;
#[cfg(all(test, feature = "sim"))]
mod grouped_bounds;
#[cfg(all(test, feature = "sim", feature = "durable"))]
mod grouped_refused;
mod handle;
mod item;
pub mod life;
mod network;
#[cfg(all(test, feature = "sim"))]
mod proven;
mod proving;
#[cfg(all(test, feature = "sim"))]
mod reading;
mod revoked;
#[cfg(all(test, feature = "sim"))]
mod workers;
#[cfg(feature = "sim")]
pub mod world;

pub use crate::admission::{Answerer, Challenged, ProvideError, Provider, Wanted};
pub use builder::{BuildError, NetworkBuilder};
pub use error::{Error, Result};
pub use from_node::FromNode;
pub use handle::{Extensions, Node, Shutdown};
pub use item::{NodeEntry, NodeItem};
pub use network::{Local, Network, Tasks};
pub use proving::{ProvingError, TicketSources, variable};
