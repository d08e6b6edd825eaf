//! A program with a stream and a collection in their newer shapes, for tests of what two versions say to each other.

use mosaik::prelude::*;

/// A reading with full precision.
#[stream("lab.reading")]
pub struct Reading {
    pub probe: u16,
    pub celsius: f64,
}

/// The last reading of each probe.
#[collection("lab.last", voters = 1)]
pub struct Last(collections::Map<u16, f64>);

/// Prints every reading.
#[mosaik::node(network = "lab")]
async fn newer(mut readings: Consumer<Reading>) -> mosaik::Result<()> {
    while let Some(reading) = readings.next().await {
        println!("{} {}", reading.probe, reading.celsius);
    }
    Ok(())
}

/// Looks at the last reading.
#[mosaik::node(network = "lab")]
async fn board(last: Reader<Last>) -> mosaik::Result<()> {
    last.when().online().await;
    println!("{:?}", last.get(&1));
    Ok(())
}

/// Keeps the last reading too.
#[mosaik::node(network = "lab")]
async fn keeper(last: Writer<Last>) -> mosaik::Result<()> {
    last.insert(1, 20.25).await?;
    println!("kept");
    Ok(())
}

mosaik::main!(newer, board, keeper);
