//! The top floor: a node and its life.

mod error;

pub use error::{Error, Result};
