//! The runtime of mosaik, floor by floor; a module imports only from the floors below it.
//!
//! | floor | module | what lives there |
//! |---|---|---|
//! | 8 | [`node`] | the network handle, wiring, shutdown, start-up checks |
//! | 7 | [`collections`] | replicated maps, sequences, sets, cells and queues |
//! | 6 | [`streams`] | producers and consumers |
//! | 6 | [`groups`] | replicated state machines: how one is born, and what its members keep |
//! | 5 | [`admission`] | may this peer take this role on this item? |
//! | 4 | [`discovery`] | signed entries, catalog, gossip, sync, bootstrap sources |
//! | 3 | [`tickets`] | what a peer shows to prove more than its identity; JWT, TDX |
//! | 2 | [`transport`] | endpoint, pooled connections, typed links; backends iroh and `sim` |
//! | 2 | [`topology`] | descriptors, the graph and its renderings |
//! | 1 | [`primitives`] | ids, tags, codec, schemas, conditions, clocks, policies |

pub mod admission;
pub mod collections;
pub mod discovery;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod fuzz;
pub mod groups;
pub mod node;
pub mod primitives;
pub mod streams;
pub mod tickets;
pub mod topology;
pub mod transport;
