//! A program that is one node.
#![deny(warnings)]

/// Does nothing, and is done.
#[mosaik::node(network = "quiet")]
async fn main(#[cfg(any())] nothing: Never) -> mosaik::Result {
    Ok(())
}
