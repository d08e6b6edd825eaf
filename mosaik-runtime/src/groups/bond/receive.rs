//! Links that peers open: the beginning of a bond, or a channel under one.

use tokio::time::timeout;

use super::{
    Bonds,
    event::BondRefused,
    handshake::{self, Failed, STEP},
    live::Parts,
};
use crate::{
    admission::{Admission, AnswerError, Refusal},
    groups::wire::{CHANNEL, ChannelKind, GroupsProtocol, MAX_FIRST_FRAME, Open, Request},
    primitives::{PeerId, PeerRole, WireId, codec},
    transport::{Code, Link, SessionId},
};

/// Takes a link that a peer opened to the group that it is for. `find` gives the bonds of a group. Run it in a task of its own: it waits for
/// the peer, each step under a deadline.
pub async fn receive(
    mut link: Link<GroupsProtocol>,
    admission: &Admission,
    find: impl Fn(&WireId) -> Option<Bonds> + Send,
) {
    link.limit_frames(MAX_FIRST_FRAME);
    let Ok(Some(first)) = link.recv_frame(STEP).await else { return };
    match first.split_first() {
        Some((&CHANNEL, open)) => match codec::decode::<Open>(open) {
            Ok(Open::V1 { group, channel, .. }) => match find(&group) {
                Some(bonds) => bonds.accept_channel(channel, link).await,
                None => link.close(Code::Refused),
            },
            Err(_) => link.close(Code::Malformed),
        },
        _ => begin(link, &first, admission, find).await,
    }
}

/// The handshake of a bond, as the acceptor.
async fn begin(
    link: Link<GroupsProtocol>,
    first: &[u8],
    admission: &Admission,
    find: impl Fn(&WireId) -> Option<Bonds> + Send,
) {
    let peer = link.peer();
    let mut found = None;
    let answered = admission.answer_first(link, first, |ask| {
        let is_known = matches!(ask.role, PeerRole::Member | PeerRole::Reads);
        found = is_known.then(|| find(&ask.item.id)).flatten();
        match &found {
            Some(bonds) if bonds.seats().is_closed() => Err(Refusal::Stopping),
            Some(bonds) if ask.role == PeerRole::Reads => Ok(bonds.reading_gate()),
            Some(bonds) => Ok(bonds.gate()),
            None => Err(Refusal::NoSuchItem),
        }
    });
    let answered = answered.await;
    let Some(bonds) = found else { return };
    let (role, admitted) = match answered {
        Ok((ask, admitted)) => (ask.role, admitted),
        Err(AnswerError::Refused(refusal)) => {
            return bonds.tell_refused(peer, BondRefused::ByUs(refusal)).await;
        }
        Err(AnswerError::Link(_)) => return,
    };
    let (mut sender, mut receiver, lease) = admitted.into_parts();
    if role == PeerRole::Reads {
        return bonds.receive_reader(sender, receiver, lease).await;
    }
    let greeting = Greeting::new(&bonds, (peer, sender.session()));
    let wanted = bonds.wants_another(peer, sender.boot(), sender.session());
    match handshake::accept(&bonds, &mut sender, &mut receiver, wanted).await {
        Ok((hello, timing)) => {
            bonds.establish(Parts { hello, timing, sender, receiver, lease, dialled: false })
        }
        Err(Failed::Refused(why)) => bonds.tell_refused(peer, why).await,
        Err(Failed::Bonded) => {}
        Err(Failed::Broken(error)) => {
            tracing::debug!(target: "mosaik::groups", peer = %peer.short(), group = &*bonds.0.name, "no bond: {error}");
            sender.reset(Code::Refused);
        }
    }
    drop(greeting);
}

impl Bonds {
    /// Whether a peer that has proved the key gets a bond, where there is one already: not when that one is the lower id's and lives.
    async fn wants_another(&self, peer: PeerId, boot: crate::primitives::BootId, session: SessionId) -> bool {
        let Some(bond) = self.get(peer) else { return true };
        if bond.boot() != boot || !bond.by_lower() || self.me() > peer || bond.session() != session {
            return true;
        }
        bond.call(Request::Ping, self.timing().alive()).await.is_err()
    }

    async fn accept_channel(&self, kind: ChannelKind, link: Link<GroupsProtocol>) {
        let from = (link.peer(), link.session());
        match self.standing(from).await {
            Some(bond) => {
                let mut link = link;
                link.limit_frames(usize::MAX);
                bond.serve(kind, link);
            }
            None => link.close(Code::Refused),
        }
    }

    /// The bond with this peer that was proved on this connection. A handshake that is under way is waited for.
    async fn standing(&self, from: (PeerId, SessionId)) -> Option<super::Bond> {
        let mut changed = self.0.changed.subscribe();
        let stands = async {
            loop {
                let greeting = {
                    let seats = self.seats();
                    let live = seats.live(&from.0).filter(|bond| bond.session() == from.1);
                    if let Some(bond) = live {
                        return Some(bond.clone());
                    }
                    seats.is_greeting(from)
                };
                if !greeting || changed.changed().await.is_err() {
                    return None;
                }
            }
        };
        timeout(STEP, stands).await.ok().flatten()
    }
}

/// A handshake under way.
struct Greeting<'a> {
    bonds: &'a Bonds,
    from: (PeerId, SessionId),
}

impl<'a> Greeting<'a> {
    fn new(bonds: &'a Bonds, from: (PeerId, SessionId)) -> Self {
        bonds.seats().greet(from);
        Self { bonds, from }
    }
}

impl Drop for Greeting<'_> {
    fn drop(&mut self) {
        self.bonds.seats().greeted(self.from);
        self.bonds.0.changed.send_modify(|()| {});
    }
}
