//! A program that produces a stream in its older shape, for tests of what two versions say to each other.

use mosaik::prelude::*;

/// A reading with half the precision.
#[stream("lab.reading")]
pub struct Reading {
    pub probe: u16,
    pub celsius: f32,
}

/// Produces one reading after another.
#[mosaik::node(network = "lab", name = "older")]
async fn main(mut readings: Producer<Reading>) -> mosaik::Result<()> {
    loop {
        readings.send(Reading { probe: 1, celsius: 20.5 }).await?;
        sleep(Duration::from_millis(100)).await;
    }
}
