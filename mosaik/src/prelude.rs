//! What almost every program uses: `use mosaik::prelude::*;`.
//!
//! It brings traits by name, and nothing that would hide a name of std's own prelude: no `Result`, `Error`, `Vec`.

pub use bytes::Bytes;
pub use futures::{Sink, SinkExt, Stream, StreamExt};

#[cfg(feature = "main")]
pub use crate::{Args, clap};
pub use crate::{FromNode, Network, Shutdown, sleep};
pub use mosaik_macros::{collection, group, methods, proof, stream};
pub use mosaik_runtime::{
    collections::{self, Reader, Writer},
    groups::{Apply, Group, Learner},
    primitives::policy::{peer, rtt_below, tag},
    streams::{Consumer, Producer},
};
pub use std::time::Duration;
