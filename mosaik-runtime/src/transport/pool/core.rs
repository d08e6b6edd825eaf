//! Which connection to use, pure: one per peer and protocol.
//!
//! Of two connections of one process, the one that the lower id dialled stays. A connection of a newer process takes
//! the place of all older ones of that peer, which are asked whether their process still lives: if one does, two live
//! processes use one key. Everything is keyed by session, so that a late end of an old connection touches no new one.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::{
    primitives::{BootId, PeerId},
    transport::{
        code::Code,
        event::{SessionId, Side},
        protocol::ProtocolId,
    },
};

/// A peer and a protocol.
pub(in crate::transport) type Key = (PeerId, ProtocolId);

/// All connections, by peer and protocol.
#[derive(Debug)]
pub(in crate::transport) struct Core {
    me: PeerId,
    /// Connections of one peer for one protocol; over it, the oldest that is not live closes.
    most: usize,
    slots: BTreeMap<Key, Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    /// The one that new links are opened on.
    live: Option<SessionId>,
    sessions: BTreeMap<SessionId, Session>,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    dialled_by: Side,
    boot: BootId,
    probed: bool,
    since: Instant,
}

/// Two nodes that dial each other at once end with two connections within this time. A peer that dials later no longer has the
/// connection that it had, whatever this side thinks of it.
const AT_ONCE: Duration = Duration::from_secs(3);

/// What to do about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transport) enum Effect {
    /// End it without losing a link, then close it with this code.
    Drain(SessionId, Code),
    /// Ask whether its process lives; close it when not.
    Probe(SessionId),
    /// Close it now.
    Close(SessionId, Code),
}

impl Core {
    /// No connections yet.
    pub(in crate::transport) fn new(me: PeerId, most: usize) -> Self {
        Self { me, most: most.max(2), slots: BTreeMap::new() }
    }

    /// The connection to open a link on.
    pub(in crate::transport) fn live(&self, key: &Key) -> Option<SessionId> {
        self.slots.get(key)?.live
    }

    /// How many connections a peer has.
    pub(in crate::transport) fn count(&self, peer: &PeerId) -> usize {
        self.of(peer).map(|(_, slot)| slot.sessions.len()).sum()
    }

    /// All connections of a peer.
    pub(in crate::transport) fn sessions(&self, peer: &PeerId) -> Vec<SessionId> {
        self.of(peer).flat_map(|(_, slot)| slot.sessions.keys().copied()).collect()
    }

    /// All connections.
    pub(in crate::transport) fn all(&self) -> Vec<SessionId> {
        self.slots.values().flat_map(|slot| slot.sessions.keys().copied()).collect()
    }

    /// A connection stands and is proven.
    pub(in crate::transport) fn established(
        &mut self,
        key: Key,
        id: SessionId,
        dialled_by: Side,
        boot: BootId,
        now: Instant,
    ) -> Vec<Effect> {
        let mut effects = self.probe_other_boots(&key.0, boot);
        let wanted = self.wanted(&key.0);
        let slot = self.slots.entry(key).or_default();
        slot.sessions.insert(id, Session { dialled_by, boot, probed: false, since: now });
        let old = slot.live.and_then(|live| slot.sessions.get(&live).map(|session| (live, *session)));
        let is_late = |old: &Session| now.saturating_duration_since(old.since) >= AT_ONCE;
        match old {
            Some((lost, old)) if dialled_by == Side::Them && old.dialled_by == Side::Us && is_late(&old) => {
                slot.live = Some(id);
                effects.push(Effect::Close(lost, Code::Superseded));
            }
            Some((_, old)) if old.dialled_by == wanted && dialled_by != wanted => {
                effects.push(Effect::Drain(id, Code::Superseded));
            }
            Some((old, _)) => {
                slot.live = Some(id);
                effects.push(Effect::Drain(old, Code::Superseded));
            }
            None => slot.live = Some(id),
        }
        if slot.sessions.len() > self.most {
            let live = slot.live;
            let oldest = slot.sessions.keys().find(|old| Some(**old) != live && **old != id);
            effects.extend(oldest.map(|old| Effect::Close(*old, Code::Superseded)));
        }
        effects
    }

    /// No more links on this connection: a side ends it.
    pub(in crate::transport) fn draining(&mut self, key: &Key, id: SessionId) {
        if let Some(slot) = self.slots.get_mut(key) {
            slot.live = slot.live.filter(|live| *live != id);
        }
    }

    /// A connection is gone.
    pub(in crate::transport) fn ended(&mut self, key: &Key, id: SessionId) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        slot.sessions.remove(&id);
        slot.live = slot.live.filter(|live| *live != id);
        if slot.sessions.is_empty() {
            self.slots.remove(key);
        }
    }

    /// The older process answered: all connections of the peer are closed, for both use its key.
    pub(in crate::transport) fn older_lives(&mut self, key: &Key, id: SessionId) -> Vec<Effect> {
        let asked = self.slots.get(key).and_then(|slot| slot.sessions.get(&id));
        if !asked.is_some_and(|session| session.probed) {
            return Vec::new();
        }
        let all = self.sessions(&key.0);
        self.of_mut(&key.0).for_each(|slot| slot.live = None);
        all.into_iter().map(|id| Effect::Close(id, Code::IdentityInUse)).collect()
    }

    /// An entry names this process of the peer. Connections of others are asked too; an answer means nothing here, for the entry
    /// may be older than they are.
    pub(in crate::transport) fn of_other_lives(&self, peer: &PeerId, boot: BootId) -> Vec<Effect> {
        let sessions = self.of(peer).flat_map(|(_, slot)| &slot.sessions);
        let others = sessions.filter(|(_, session)| session.boot != boot && !session.probed);
        others.map(|(id, _)| Effect::Probe(*id)).collect()
    }

    fn probe_other_boots(&mut self, peer: &PeerId, boot: BootId) -> Vec<Effect> {
        let mut effects = Vec::new();
        for slot in self.of_mut(peer) {
            for (id, session) in &mut slot.sessions {
                if session.boot != boot && !session.probed {
                    session.probed = true;
                    slot.live = slot.live.filter(|live| live != id);
                    effects.push(Effect::Probe(*id));
                }
            }
        }
        effects
    }

    /// Whose dial stays when both dialled: the lower id's.
    fn wanted(&self, peer: &PeerId) -> Side {
        if self.me < *peer { Side::Us } else { Side::Them }
    }

    fn of(&self, peer: &PeerId) -> impl Iterator<Item = (&Key, &Slot)> {
        let peer = *peer;
        self.slots.range((peer, ProtocolId::FIRST)..).take_while(move |(key, _)| key.0 == peer)
    }

    fn of_mut(&mut self, peer: &PeerId) -> impl Iterator<Item = &mut Slot> {
        let peer = *peer;
        let slots = self.slots.range_mut((peer, ProtocolId::FIRST)..);
        slots.take_while(move |(key, _)| key.0 == peer).map(|(_, slot)| slot)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const P: ProtocolId = ProtocolId { name: "p", major: 1, linger: Duration::ZERO };
    const Q: ProtocolId = ProtocolId { name: "q", major: 1, linger: Duration::ZERO };

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 32])
    }

    fn id(n: u64) -> SessionId {
        SessionId(n)
    }

    /// So many seconds after a moment that is the same for all tests of a thread.
    fn at(seconds: u64) -> Instant {
        thread_local!(static START: Instant = tokio::time::Instant::now());
        START.with(|start| *start) + Duration::from_secs(seconds)
    }

    #[test]
    fn a_peer_that_dials_long_after_this_side_did_has_lost_the_connection_that_it_had() {
        for (me, other) in [(1, 2), (2, 1)] {
            let mut core = Core::new(peer(me), 4);
            let key = (peer(other), P);
            core.established(key, id(1), Side::Us, BootId(1), at(0));
            let effects = core.established(key, id(2), Side::Them, BootId(1), at(3));
            assert_eq!(core.live(&key), Some(id(2)));
            let close = Effect::Close(id(1), Code::Superseded);
            assert_eq!(effects, [close], "links on it are opened again at once");
        }
    }

    #[test]
    fn all_connections_are_known_whoever_dialled() {
        let mut core = Core::new(peer(1), 4);
        core.established((peer(2), P), id(1), Side::Us, BootId(1), at(0));
        core.established((peer(2), Q), id(2), Side::Them, BootId(1), at(0));
        core.established((peer(3), P), id(3), Side::Us, BootId(1), at(0));
        assert_eq!(core.all(), [id(1), id(2), id(3)]);
    }

    #[test]
    fn of_two_connections_the_one_that_the_lower_id_dialled_stays_in_either_order() {
        for (me, other, wanted) in [(1, 2, Side::Us), (2, 1, Side::Them)] {
            let unwanted = if wanted == Side::Us { Side::Them } else { Side::Us };
            for (first, second) in [(wanted, unwanted), (unwanted, wanted)] {
                let mut core = Core::new(peer(me), 4);
                let key = (peer(other), P);
                assert_eq!(core.established(key, id(1), first, BootId(1), at(0)), []);
                let (stays, goes) = if first == wanted { (id(1), id(2)) } else { (id(2), id(1)) };
                let effects = core.established(key, id(2), second, BootId(1), at(0));
                assert_eq!(effects, [Effect::Drain(goes, Code::Superseded)]);
                assert_eq!(core.live(&key), Some(stays));
                core.ended(&key, goes);
                assert_eq!((core.live(&key), core.count(&key.0)), (Some(stays), 1));
            }
        }
    }

    #[test]
    fn a_second_dial_of_the_same_side_means_that_the_first_connection_is_dead() {
        let mut core = Core::new(peer(1), 4);
        let key = (peer(2), P);
        core.established(key, id(1), Side::Them, BootId(1), at(0));
        assert_eq!(
            core.established(key, id(2), Side::Them, BootId(1), at(0)),
            [Effect::Drain(id(1), Code::Superseded)]
        );
        assert_eq!(core.live(&key), Some(id(2)));
    }

    #[test]
    fn a_peer_that_dials_again_and_again_has_few_connections_and_is_not_locked_out() {
        let mut core = Core::new(peer(1), 4);
        let key = (peer(2), P);
        for n in 1..=4 {
            core.established(key, id(n), Side::Them, BootId(1), at(0));
        }
        let effects = core.established(key, id(5), Side::Them, BootId(1), at(0));
        let superseded = Code::Superseded;
        assert_eq!(effects, [Effect::Drain(id(4), superseded), Effect::Close(id(1), superseded)]);
        assert_eq!(core.live(&key), Some(id(5)));
    }

    #[test]
    fn ls11_the_late_end_of_an_old_connection_leaves_the_new_one() {
        let mut core = Core::new(peer(1), 4);
        let key = (peer(2), P);
        core.established(key, id(1), Side::Us, BootId(1), at(0));
        core.draining(&key, id(1));
        core.established(key, id(2), Side::Us, BootId(1), at(0));
        core.draining(&key, id(1));
        core.ended(&key, id(1));
        assert_eq!(core.live(&key), Some(id(2)));
    }

    #[test]
    fn a_newer_process_replaces_the_older_in_all_protocols_at_once() {
        let mut core = Core::new(peer(1), 4);
        core.established((peer(2), P), id(1), Side::Us, BootId(1), at(0));
        core.established((peer(2), Q), id(2), Side::Us, BootId(1), at(0));
        core.established((peer(3), P), id(3), Side::Us, BootId(7), at(0));
        let effects = core.established((peer(2), P), id(4), Side::Them, BootId(2), at(0));
        assert_eq!(effects, [Effect::Probe(id(1)), Effect::Probe(id(2))]);
        assert_eq!(core.live(&(peer(2), P)), Some(id(4)));
        assert_eq!(core.live(&(peer(2), Q)), None);
        assert_eq!(core.live(&(peer(3), P)), Some(id(3)));
    }

    #[test]
    fn an_entry_of_another_process_asks_and_an_answer_is_no_proof_of_two() {
        let mut core = Core::new(peer(1), 4);
        let key = (peer(2), P);
        core.established(key, id(1), Side::Us, BootId(1), at(0));
        core.established((peer(2), Q), id(2), Side::Us, BootId(2), at(0));
        assert_eq!(core.of_other_lives(&peer(2), BootId(2)), [], "that one is being asked");
        assert_eq!(core.of_other_lives(&peer(2), BootId(3)), [Effect::Probe(id(2))]);
        assert_eq!(core.live(&(peer(2), Q)), Some(id(2)), "it may be the newer one");
        assert_eq!(core.older_lives(&(peer(2), Q), id(2)), []);
    }

    #[test]
    fn when_the_older_process_answers_all_connections_of_the_key_close() {
        let mut core = Core::new(peer(1), 4);
        let key = (peer(2), P);
        core.established(key, id(1), Side::Us, BootId(1), at(0));
        assert_eq!(core.older_lives(&key, id(1)), [], "nobody asked");
        core.established(key, id(2), Side::Them, BootId(2), at(0));
        let in_use = |n| Effect::Close(id(n), Code::IdentityInUse);
        assert_eq!(core.older_lives(&key, id(1)), [in_use(1), in_use(2)]);
        assert_eq!(core.live(&key), None);
    }
}
