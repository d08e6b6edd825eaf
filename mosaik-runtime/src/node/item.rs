//! What `#[mosaik::node]` makes of a function: a descriptor and a way to run it.

use futures::future::BoxFuture;

use super::{Node, Result};
use crate::topology::NodeDescriptor;

/// A declared node: the type beside the user's function that carries its descriptor. Implemented by `#[mosaik::node]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a node",
    label = "needs a node",
    note = "put `#[mosaik::node]` on the async function `{Self}`"
)]
pub trait NodeItem {
    /// What the node declares.
    const DESCRIPTOR: &'static NodeDescriptor;

    /// Makes the parameters and runs the user's function to its end.
    fn run(node: Node) -> BoxFuture<'static, Result<()>>;
}

/// A node of a program, as `mosaik::main!` lists it.
#[derive(Debug, Clone, Copy)]
pub struct NodeEntry {
    /// What the node declares.
    pub descriptor: &'static NodeDescriptor,
    /// Runs one of it.
    pub run: fn(Node) -> BoxFuture<'static, Result<()>>,
    /// How many of it run when the command line does not say.
    pub count: usize,
}

impl NodeEntry {
    /// The entry of a declared node, once.
    pub const fn of<N: NodeItem>() -> Self {
        Self { descriptor: N::DESCRIPTOR, run: N::run, count: 1 }
    }

    /// The same node, `count` times.
    #[must_use]
    pub const fn times(mut self, count: usize) -> Self {
        self.count = count;
        self
    }
}
