//! Generated code finds the facade under the name that `Cargo.toml` gives it.
#![deny(warnings)]

use fleet::{
    node::NodeItem,
    primitives::StreamId,
    streams::{Datum, Producer},
};

/// Where.
#[fleet::data]
pub struct Position(f64, f64);

/// One sample.
#[fleet::stream("greenhouse.temperature")]
pub struct Reading {
    /// How warm.
    pub celsius: f32,
    /// Where.
    pub position: Position,
}

#[fleet::node]
async fn sensor(mut out: Producer<Reading>) -> fleet::Result {
    out.send(Reading { celsius: 21.0, position: Position(1.0, 2.0) }).await?;
    Ok(())
}

#[test]
fn everything_has_its_descriptor() {
    assert_eq!(Reading::DESCRIPTOR.id(), StreamId::derive("greenhouse.temperature"));
    assert_eq!(sensor::DESCRIPTOR.network, "mosaik-ui-tests-renamed");
    assert_eq!(sensor::DESCRIPTOR.flat_roles().len(), 1);
}
