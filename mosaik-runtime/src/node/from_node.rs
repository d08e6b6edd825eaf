//! Parameters of a node: what each of them declares, and how it is made.

use std::future::Future;

use super::{Network, Node, Result, Shutdown};
use crate::{
    collections::{self, Reader, Writer},
    groups::{Declared, Group, Learner},
    streams::{Consumer, Datum, Producer},
    topology::Role,
};

/// A type that can be a parameter of a `#[mosaik::node]` function.
///
/// Implement it to bundle parameters: `ROLE` is then `Role::All(&[<Producer<A> as FromNode>::ROLE, ..])`.
#[diagnostic::on_unimplemented(
    message = "a node cannot be given a `{Self}`",
    label = "not a role",
    note = "a node's parameters are roles: `Producer<S>`, `Consumer<S>`, `Group<M>`, `Learner<M>`, `Writer<C>`, `Reader<C>`, `Network`, `Shutdown`, `Args<T>`, and types that implement `FromNode`"
)]
pub trait FromNode: Sized {
    /// What this parameter makes of the node.
    const ROLE: Role;

    /// Makes the parameter.
    fn from_node(node: &Node) -> impl Future<Output = Result<Self>> + Send;
}

impl<T: Datum> FromNode for Producer<T> {
    const ROLE: Role = Role::Produces(T::DESCRIPTOR);

    async fn from_node(node: &Node) -> Result<Self> {
        Ok(node.network().streams().producer::<T>().build()?)
    }
}

impl<T: Datum> FromNode for Consumer<T> {
    const ROLE: Role = Role::Consumes(T::DESCRIPTOR);

    async fn from_node(node: &Node) -> Result<Self> {
        Ok(node.network().streams().consumer::<T>().build()?)
    }
}

impl<M: Declared> FromNode for Group<M> {
    const ROLE: Role = Role::Member(M::DESCRIPTOR);

    async fn from_node(node: &Node) -> Result<Self> {
        Ok(node.network().groups().declared::<M>().join().await?)
    }
}

impl<M: Declared> FromNode for Learner<M> {
    const ROLE: Role = Role::Learns(M::DESCRIPTOR);

    async fn from_node(node: &Node) -> Result<Self> {
        Ok(node.network().groups().declared::<M>().learn().await?)
    }
}

impl<C: collections::Opens> FromNode for Writer<C> {
    const ROLE: Role = C::WRITES;

    async fn from_node(node: &Node) -> Result<Self> {
        Ok(C::writer(node.network().collections()).await?)
    }
}

impl<C: collections::Opens> FromNode for Reader<C> {
    const ROLE: Role = C::READS;

    async fn from_node(node: &Node) -> Result<Self> {
        Ok(C::reader(node.network().collections()).await?)
    }
}

impl FromNode for Network {
    const ROLE: Role = Role::None;

    async fn from_node(node: &Node) -> Result<Self> {
        Ok(node.network().clone())
    }
}

impl FromNode for Shutdown {
    const ROLE: Role = Role::None;

    async fn from_node(node: &Node) -> Result<Self> {
        Ok(node.shutdown())
    }
}
