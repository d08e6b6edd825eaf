//! The leader's end of a channel of commands.

use std::future::poll_fn;

use super::{
    core::FLIGHTS,
    lanes::{Proposer, SILENCE, fate},
    wire::{Ask, told},
};
use crate::{
    groups::{instance::Instance, wire::GroupsProtocol},
    primitives::PeerId,
    transport::{Link, LinkError},
};

/// Takes batches from a node until its channel ends, in their order, and tells what became of each as soon as it is known. A node
/// that has more on its way than it should waits.
pub(in crate::groups) async fn serve(instance: Instance, from: PeerId, link: Link<GroupsProtocol>) {
    let (mut sender, mut receiver) = link.split();
    let mut proposer = Proposer::new(instance);
    let served: Result<(), LinkError> = async {
        loop {
            tokio::select! { biased;
                (id, proposed) = poll_fn(|context| proposer.poll_next(context)) => {
                    for frame in told(id, fate(proposed)) {
                        sender.send(&frame).await?;
                    }
                }
                ask = receiver.recv::<Ask>(SILENCE), if proposer.len() < FLIGHTS => match ask? {
                    Some(Ask::V1 { id, items, .. }) => proposer.push(id, items),
                    None => return Ok(()),
                },
            }
        }
    }
    .await;
    if let Err(error) = served {
        tracing::debug!(target: "mosaik::groups", peer = %from.short(), "a channel of commands ended: {error}");
    }
}
