//! Readers of a group: no bond, no place, no say. They are admitted and prove the key as members do, on a link of their own.

use super::{
    Bonds,
    event::BondRefused,
    handshake::STEP,
    key::{Binding, EXPORTER_LABEL, GroupKey, Role, prove, verify},
};
use crate::{
    admission::{Gate, Lease},
    groups::{
        tail::{Pipe, wire::Shown},
        wire::{GroupsProtocol, MAX_FIRST_FRAME, Prove},
    },
    primitives::{PeerId, WireId},
    transport::{Code, LinkError, LinkReceiver, LinkSender},
};

/// The longest frame of a reader that was let in: it only asks.
const MAX_ASK: usize = 4 * 1024;

/// The reader's part. An error says why, and whether that may pass by itself.
pub(in crate::groups) async fn prove_as_reader(
    key: Option<&GroupKey>,
    (me, group): (PeerId, WireId),
    sender: &mut LinkSender<GroupsProtocol>,
    receiver: &mut LinkReceiver<GroupsProtocol>,
) -> Result<(), (String, bool)> {
    let broken = |error: LinkError| (error.to_string(), true);
    receiver.limit_frames(MAX_FIRST_FRAME);
    let binding = binding(sender, (me, sender.peer()), group).map_err(broken)?;
    let proof = prove(key, Role::Dialler, &binding);
    sender.send(&Prove::V1 { proof, extensions: Vec::new() }).await.map_err(broken)?;
    let proof = match receiver.recv::<Shown>(STEP).await.map_err(broken)? {
        Some(Shown::V1 { proof, .. }) => proof,
        Some(Shown::Refused(why)) => return Err((why.to_string(), false)),
        None => return Err(broken(LinkError::Truncated)),
    };
    verify(key, Role::Acceptor, &binding, &proof).map_err(|why| (why.to_string(), false))?;
    receiver.limit_frames(usize::MAX);
    Ok(())
}

/// What both sides' proofs on this link are bound to.
pub(super) fn binding(
    sender: &LinkSender<GroupsProtocol>,
    (dialler, acceptor): (PeerId, PeerId),
    group: WireId,
) -> Result<Binding, LinkError> {
    let exporter = sender.export(EXPORTER_LABEL, group.as_bytes());
    let exporter = exporter.ok_or_else(|| LinkError::Malformed("no key material".to_owned()))?;
    Ok(Binding { exporter, group, dialler, acceptor })
}

impl Bonds {
    /// What this node demands of a reader.
    pub(super) fn reading_gate(&self) -> Gate {
        Gate { policy: self.0.readers.clone(), ..self.gate() }
    }

    /// Takes a reader in that was admitted, and serves it to its end.
    pub(super) async fn receive_reader(
        &self,
        mut sender: LinkSender<GroupsProtocol>,
        mut receiver: LinkReceiver<GroupsProtocol>,
        lease: Lease,
    ) {
        let peer = sender.peer();
        match self.shows(&mut sender, &mut receiver).await {
            Ok(None) => {
                receiver.limit_frames(MAX_ASK);
                self.0.server.reader(peer, Pipe::link(sender, receiver, lease)).await;
            }
            Ok(Some(why)) => self.tell_refused(peer, why).await,
            Err(error) => {
                tracing::debug!(target: "mosaik::groups", peer = %peer.short(), group = &*self.0.name, "no reader: {error}");
                sender.reset(Code::Refused);
            }
        }
    }

    /// The member's part of the proof; says why the reader was refused, if it was.
    async fn shows(
        &self,
        sender: &mut LinkSender<GroupsProtocol>,
        receiver: &mut LinkReceiver<GroupsProtocol>,
    ) -> Result<Option<BondRefused>, LinkError> {
        let key = self.0.key.as_ref();
        let binding = binding(sender, (sender.peer(), self.me()), self.0.group)?;
        let Some(Prove::V1 { proof, .. }) = receiver.recv(STEP).await? else {
            return Err(LinkError::Truncated);
        };
        if let Err(why) = verify(key, Role::Dialler, &binding, &proof) {
            sender.send(&Shown::Refused(why.turned())).await?;
            sender.finish();
            return Ok(Some(BondRefused::Key(why)));
        }
        let proof = prove(key, Role::Acceptor, &binding);
        sender.send(&Shown::V1 { proof, extensions: Vec::new() }).await?;
        Ok(None)
    }
}
