//! A program that consumes a stream in its newer shape, for tests of what two versions say to each other.

use mosaik::prelude::*;

/// A reading with full precision.
#[stream("lab.reading")]
pub struct Reading {
    pub probe: u16,
    pub celsius: f64,
}

/// Prints every reading.
#[mosaik::node(network = "lab", name = "newer")]
async fn main(mut readings: Consumer<Reading>) -> mosaik::Result<()> {
    while let Some(reading) = readings.next().await {
        println!("{} {}", reading.probe, reading.celsius);
    }
    Ok(())
}
