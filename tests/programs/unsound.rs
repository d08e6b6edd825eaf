//! A program whose declarations do not fit together, for tests of the start-up checks.

use mosaik::prelude::*;

/// A sample, as one half of the program sees it.
#[stream("lab.sample")]
pub struct Narrow {
    pub value: f32,
}

/// A sample, as the other half sees it.
#[stream("lab.sample", require(consumers = tag("matcher")))]
pub struct Wide {
    pub value: f64,
}

/// Sends the one.
#[mosaik::node(network = "lab")]
async fn sends(samples: Producer<Narrow>) -> mosaik::Result<()> {
    drop(samples);
    Ok(())
}

/// Expects the other, and lacks a tag for it.
#[mosaik::node(network = "lab")]
async fn expects(samples: Consumer<Wide>) -> mosaik::Result<()> {
    drop(samples);
    Ok(())
}

mosaik::main!(sends, expects);
