//! The top floor: a node and its life.

mod error;
// The rest of this floor is declared once the floor `streams` has its handles: builder, from_node, handle, item, life, network.
pub mod keyfile;

pub use error::{Error, Result};
