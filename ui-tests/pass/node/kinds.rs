//! Nodes of every kind, with no prelude.
#![deny(warnings)]
#![deny(missing_docs, unreachable_pub)]
//! Documented.

use mosaik::{
    node::NodeItem,
    primitives::Reach,
    streams::{Consumer, Producer},
};

/// One sample.
#[mosaik::stream("greenhouse.temperature")]
pub struct Reading {
    /// How warm.
    pub celsius: f32,
}

/// Measures.
#[mosaik::node(network = "greenhouse", tags = ["probe", "north"], name = "thermometer", reach = lan)]
async fn sensor(mut out: Producer<Reading>) -> mosaik::Result<()> {
    out.send(Reading { celsius: 21.0 }).await?;
    Ok(())
}

/// Shows; what it returns is an error of its own.
#[mosaik::node(tags = "display")]
async fn display(
    _readings: Consumer<Reading>,
    #[cfg(any())] nothing: Never,
) -> Result<(), std::num::ParseIntError> {
    "7".parse::<u8>()?;
    Ok(())
}

/// Has no roles.
#[mosaik::node]
pub async fn idle() -> mosaik::Result {
    Ok(())
}

#[cfg(any())]
#[mosaik::node]
async fn left_out(nothing: Never) -> mosaik::Result {
    Ok(())
}

mod inner {
    #[mosaik::node]
    pub(crate) async fn r#loop() -> mosaik::Result {
        Ok(())
    }
}

/// A node whose name is a word of generated code.
#[mosaik::node]
async fn node(_readings: Consumer<Reading>) -> mosaik::Result {
    Ok(())
}

/// The function stays a function.
async fn called() -> mosaik::Result {
    idle().await?;
    inner::r#loop().await
}

fn main() {
    let found = sensor::DESCRIPTOR;
    assert_eq!(
        (found.name, found.network, found.tags),
        ("thermometer", "greenhouse", ["probe", "north"].as_slice())
    );
    assert_eq!((found.reach, found.docs, found.roles.len()), (Reach::Lan, "Measures.", 1));
    let found = display::DESCRIPTOR;
    assert_eq!((found.name, found.network, found.reach), ("display", env!("CARGO_PKG_NAME"), Reach::Host));
    assert_eq!(idle::DESCRIPTOR.flat_roles().len(), 0);
    assert_eq!(<inner::r#loop as NodeItem>::DESCRIPTOR.name, "loop");
    assert_eq!(node::DESCRIPTOR.roles.len(), 1);
    drop(called());
}
