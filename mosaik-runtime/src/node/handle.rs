//! What parameters are made from: the node's network, its name, and what the program passed along.

use std::{
    any::{Any, TypeId},
    collections::BTreeMap,
    fmt,
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::Network;

/// Values that a program passes to the parameters of its nodes, one per type.
#[derive(Clone, Default)]
pub struct Extensions(Arc<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Extensions {
    /// The same values and one more.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(self, value: T) -> Self {
        let mut values = (*self.0).clone();
        values.insert(TypeId::of::<T>(), Arc::new(value));
        Self(Arc::new(values))
    }

    /// The value of this type, if there is one.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>()).cloned()?.downcast().ok()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extensions({})", self.0.len())
    }
}

/// A running node, as parameters see it while they are made.
#[derive(Debug, Clone)]
pub struct Node {
    network: Network,
    name: Arc<str>,
    stop: CancellationToken,
    extensions: Extensions,
}

impl Node {
    pub(super) fn new(network: Network, name: &str, stop: CancellationToken, extensions: Extensions) -> Self {
        Self { network, name: name.into(), stop, extensions }
    }

    /// The network that this node is in.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The handle to stop this node, and to learn that it stops.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown(self.stop.clone())
    }

    /// A value that the program passed along.
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.extensions.get()
    }
}

/// Stops the node, and says when it stops. A parameter of a node.
#[derive(Debug, Clone)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Waits until the node is asked to stop. Cancel-safe.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Whether the node was asked to stop.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Asks the node to stop, as Ctrl-C does.
    pub fn request(&self) {
        self.0.cancel();
    }
}
