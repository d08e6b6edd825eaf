//! The leader's end of a channel of commands.

use std::future::poll_fn;

use super::{
    MAX_COMMAND,
    core::{BATCH_BYTES, BATCH_ITEMS, FLIGHTS},
    lanes::{Proposer, SILENCE, fate},
    wire::{Ask, told},
};
use crate::{
    groups::{
        instance::Instance,
        machine::{Item, SessionId},
        wire::GroupsProtocol,
    },
    primitives::PeerId,
    transport::{Link, LinkError},
};

/// Takes batches from a node until its channel ends, in their order, and tells what became of each as soon as it is known. A node
/// that has more on its way than it should waits.
pub(in crate::groups) async fn serve(instance: Instance, from: PeerId, link: Link<GroupsProtocol>) {
    let (mut sender, mut receiver) = link.split();
    let mut forwarded = Forwarded { from, instance: instance.clone(), session: None };
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
                    Some(Ask::V1 { id, items, .. }) => {
                        forwarded.check(&items).map_err(|why| LinkError::Malformed(why.to_owned()))?;
                        proposer.push(id, items);
                    }
                    None => return Ok(()),
                },
            }
        }
    }
    .await;
    if let Err(LinkError::Malformed(why)) = &served {
        metrics::counter!("mosaik_groups_batches_refused_total").increment(1);
        tracing::warn!(target: "mosaik::groups", peer = %from.short(), "a channel of commands was ended: {why}");
    } else if let Err(error) = served {
        tracing::debug!(target: "mosaik::groups", peer = %from.short(), "a channel of commands ended: {error}");
    }
}

/// What a node may put into the log through the leader: sessions of its own, and commands of these. All else the leader decides itself.
struct Forwarded {
    from: PeerId,
    instance: Instance,
    /// The session of the last batch, which is the node's.
    session: Option<SessionId>,
}

impl Forwarded {
    fn check(&mut self, items: &[Item]) -> Result<(), &'static str> {
        if items.is_empty() || items.len() > BATCH_ITEMS {
            return Err("a batch has no items, or too many");
        }
        let (mut bytes, mut largest) = (0_usize, 0);
        for item in items {
            match item {
                Item::Open { owner, .. } if *owner == self.from => {}
                Item::Open { .. } => return Err("it opens a session for another node"),
                Item::Command { session, body, .. } => {
                    self.owns(*session)?;
                    bytes = bytes.saturating_add(body.len());
                    largest = largest.max(body.len());
                }
                Item::Welcome { .. }
                | Item::Goodbye { .. }
                | Item::Fence(_)
                | Item::Migrate { .. }
                | Item::Lift => return Err("it forwards what only a leader may decide"),
            }
        }
        match largest > MAX_COMMAND || items.len() > 1 && bytes > BATCH_BYTES {
            true => Err("a batch has too many bytes"),
            false => Ok(()),
        }
    }

    /// A session that is not known here is not open, or the entry that opens it is not applied yet: then nobody can know its number.
    fn owns(&mut self, session: SessionId) -> Result<(), &'static str> {
        if self.session == Some(session) {
            return Ok(());
        }
        match self.instance.reading().owner(session) {
            Some(owner) if owner != self.from => Err("it uses the session of another node"),
            Some(_) => {
                self.session = Some(session);
                Ok(())
            }
            None => Ok(()),
        }
    }
}
