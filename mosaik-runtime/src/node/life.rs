//! The life of a node: checks, start, the user's function, stop.
//!
//! On a stop, consumers end with `None` and sends fail with `Stopped`; after three seconds the function's future is dropped
//! at its next await; then what is in flight is flushed and the departure announced, with bounds of their own.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    BuildError, Error, Network, NetworkBuilder, Node, NodeEntry, ProvingError, Result, handle::Extensions,
    proving,
};
use crate::{
    primitives::{Reach, scope::panic_text},
    topology::check::Problems,
    transport::{Address, PeerAddr},
};

/// How long a function may go on after a stop was asked for.
pub const GRACE: Duration = Duration::from_secs(3);

/// How a node ended.
#[derive(Debug)]
pub enum Ended {
    /// Its function returned, or it was stopped.
    Done,
    /// Its function failed or panicked.
    Failed(Error),
    /// It did not start: the declarations do not fit together.
    Refused(Problems),
    /// It did not start: the machine does not allow it.
    NotStarted(BuildError),
    /// It did not start: it cannot prove what it declares, or decide about what it asks for.
    NotProven(ProvingError),
}

/// Runs one node until its function ends or `stop` is cancelled.
///
/// `builder` comes with what the command line says; the descriptor's tags are added here.
pub async fn run(
    entry: &NodeEntry,
    builder: NetworkBuilder,
    extensions: Extensions,
    stop: CancellationToken,
) -> Ended {
    if let Err(problems) = crate::topology::check::node(entry.descriptor) {
        return Ended::Refused(problems);
    }
    let builder = builder.tags(entry.descriptor.tags.iter().copied());
    let network = match stop.run_until_cancelled(builder.build()).await {
        Some(Ok(network)) => network,
        Some(Err(error)) => return Ended::NotStarted(error),
        None => return Ended::Done,
    };
    let name = entry.descriptor.name;
    tracing::info!(target: "mosaik::node", node = name, "{name} is {} on {}", network.local().id().short(), network.name());
    if let Err(error) = proving::prepare(entry.descriptor, &network, &extensions) {
        network.shutdown().await;
        return Ended::NotProven(error);
    }
    tell_the_way(name, &network);
    let node = Node::new(network.clone(), name, stop.clone(), extensions);
    let ended = function(entry, node, &network, &stop).await;
    network.shutdown().await;
    match ended {
        Err(error) if !(error.is_stopped() && stop.is_cancelled()) => Ended::Failed(error),
        _ => Ended::Done,
    }
}

/// Says how nodes on other machines reach this one, once it has an address there.
fn tell_the_way(name: &'static str, network: &Network) {
    let (id, mut addresses) = (network.local().id(), network.transport().addresses());
    network.scope().spawn("tell the way", async move {
        let far = |addresses: &Vec<Address>| addresses.iter().any(|address| address.scope > Reach::Host);
        let Ok(addresses) = addresses.wait_for(far).await.map(|addresses| addresses.clone()) else { return };
        let way = PeerAddr { id, addresses };
        tracing::info!(target: "mosaik::node", node = name, "others reach {name} with --bootstrap {way}");
    });
}

/// The user's function; a panic in it is its error.
async fn function(entry: &NodeEntry, node: Node, network: &Network, stop: &CancellationToken) -> Result<()> {
    let run = entry.run;
    let mut function = AssertUnwindSafe(async move { run(node).await }).catch_unwind().boxed();
    let ended = tokio::select! {
        biased;
        ended = &mut function => Some(ended),
        () = stop.cancelled() => {
            network.stop();
            timeout(GRACE, &mut function).await.ok()
        }
        _ = network.failed() => timeout(GRACE, &mut function).await.ok(),
    };
    if let Some(died) = network.failure() {
        return Err(died.into());
    }
    match ended {
        Some(Ok(result)) => result,
        Some(Err(panic)) => Err(Error::msg(format_args!("its function panicked: {}", panic_text(&*panic)))),
        None => {
            // Nothing is wrong: a function that waits for a condition has no way to learn of the stop.
            let name = entry.descriptor.name;
            tracing::info!(target: "mosaik::node", node = name, "{name} was still waiting {GRACE:?} after the stop, and is dropped");
            Ok(())
        }
    }
}
