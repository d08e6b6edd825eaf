//! A program with a stream and a collection in their older shapes, for tests of what two versions say to each other.

use mosaik::prelude::*;

/// A reading with half the precision.
#[stream("lab.reading")]
pub struct Reading {
    pub probe: u16,
    pub celsius: f32,
}

/// The last reading of each probe.
#[collection("lab.last", voters = 1)]
pub struct Last(collections::Map<u16, f32>);

/// Produces one reading after another.
#[mosaik::node(network = "lab")]
async fn older(mut readings: Producer<Reading>) -> mosaik::Result<()> {
    loop {
        readings.send(Reading { probe: 1, celsius: 20.5 }).await?;
        sleep(Duration::from_millis(100)).await;
    }
}

/// Keeps the last reading.
#[mosaik::node(network = "lab")]
async fn keeper(last: Writer<Last>) -> mosaik::Result<()> {
    last.insert(1, 20.5).await?;
    println!("kept");
    std::future::pending().await
}

mosaik::main!(older, keeper);
