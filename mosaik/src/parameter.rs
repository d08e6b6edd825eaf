//! What generated code asks of a parameter's type.

use futures::future::BoxFuture;
use mosaik_runtime::{
    node::{FromNode, Node, Result},
    topology::Role,
};

/// [`FromNode`] as two constants. The compiler reports a missing impl once per place, and both constants are named at the
/// same place, so that a parameter that is no role is one error.
#[diagnostic::on_unimplemented(
    message = "a node cannot be given a `{Self}`",
    label = "not a role",
    note = "a node's parameters are roles: `Producer<T>`, `Consumer<T>`, `Group<M>`, `Learner<M>`, `Writer<C>`, `Reader<C>`, `Network`, `Shutdown`, `Args<T>`, and types that implement `FromNode`"
)]
pub trait Parameter: Sized + 'static {
    /// What the parameter makes of the node.
    const ROLE: Role;
    /// Makes the parameter.
    const OPEN: for<'a> fn(&'a Node) -> BoxFuture<'a, Result<Self>>;
}

impl<T: FromNode + 'static> Parameter for T {
    const ROLE: Role = <T as FromNode>::ROLE;
    const OPEN: for<'a> fn(&'a Node) -> BoxFuture<'a, Result<Self>> = |node| Box::pin(T::from_node(node));
}
