//! What each item of the log does, beside the user's code: sessions, places in the group, fences, and when a snapshot is due.
//!
//! All of it is a function of the log, so that members agree: no clock, no randomness, no order that a member chose.

mod kept;
mod session;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use serde::{Deserialize, Serialize};

use self::{
    kept::Kept,
    session::{First, Session},
};
use super::{
    Apply, Fence, MachineSettings, SessionId, Timestamp,
    payload::{BatchRef, ItemRef, OutcomeRef, Raw},
};
use crate::{
    groups::{
        MemberId,
        store::record::{LogId, StoreId},
    },
    primitives::{PeerId, codec},
};

/// How many lost stores of one node are remembered, so that a late copy of its request gets the same answer.
const STORES_OF_A_NODE: usize = 4;

/// How many of the latest panics are listed.
const PANICS_LISTED: usize = 64;

/// What a short outcome takes, about.
const ANSWER_ROOM: usize = 16;

/// A snapshot is made after so many times the bytes of the last one's state: it asks each member to look at the whole state, which takes time from
/// commands, and a longer log takes memory and the time of a start.
const STATES: u64 = 2;

/// How many bytes of the state count for one entry, where the state is large: then its snapshots are rare.
const BYTES_AN_ENTRY: u64 = 1024;

/// Everything of a group's state that is not the user's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    applied: Option<LogId>,
    now: Timestamp,
    sessions: BTreeMap<SessionId, Session>,
    /// Sessions by the index of their last use.
    #[serde(skip)]
    by_use: BTreeSet<(u64, SessionId)>,
    welcomed: BTreeMap<(PeerId, StoreId), u64>,
    fenced: Option<Fence>,
    panics: u64,
    panicked: Vec<(u64, u32)>,
    entries: u64,
    bytes: u64,
    snapshot: u64,
}

/// A command that shall run.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The method.
    pub method: u64,
    /// The arguments.
    pub body: &'a [u8],
    /// What it may know.
    pub cx: Apply,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// It ran; its reply is in the buffer.
    Replied,
    /// Its arguments do not decode. Nothing ran.
    Unreadable(String),
    /// It panicked. Nobody knows what the state is now.
    Panicked(String),
}

/// A command that panicked: the state is to be made anew, without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked {
    /// Its place in the entry.
    pub slot: u32,
    /// What it said.
    pub message: String,
}

/// Commands that are known to panic, and what they said.
pub type Skip = BTreeMap<(u64, u32), String>;

/// Runs a command, with a buffer for its reply.
pub type Run<'r> = &'r mut dyn FnMut(Call<'_>, &mut Vec<u8>) -> Ran;

impl System {
    /// After decoding: what is not encoded.
    pub(super) fn restored(mut self) -> Self {
        self.sessions.values_mut().for_each(Session::restored);
        self.by_use = self.sessions.iter().map(|(id, session)| (session.used, *id)).collect();
        self
    }

    /// The same with no session.
    pub(super) fn without_sessions(&self) -> Self {
        Self { sessions: BTreeMap::new(), by_use: BTreeSet::new(), ..self.clone() }
    }

    /// The last entry.
    pub fn applied(&self) -> Option<LogId> {
        self.applied
    }

    /// Group time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Why the group is stopped, if it is.
    pub fn fenced(&self) -> Option<Fence> {
        self.fenced
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Whose session it is.
    pub fn owner(&self, session: SessionId) -> Option<PeerId> {
        self.sessions.get(&session).map(|session| session.owner)
    }

    /// Who was given a place, and with which store.
    pub fn welcomed(&self) -> impl Iterator<Item = (MemberId, StoreId)> + '_ {
        self.welcomed.iter().map(|((peer, store), generation)| (MemberId::new(*peer, *generation), *store))
    }

    /// How many commands panicked.
    pub fn panics(&self) -> u64 {
        self.panics
    }

    /// The latest commands that panicked, of those in entries with indices in this range.
    pub(super) fn panicked(&self, range: Range<u64>) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.panicked.iter().copied().filter(move |(index, _)| range.contains(index))
    }

    /// Whether a snapshot shall be made after this entry.
    pub(super) fn is_due(&self, settings: &MachineSettings) -> bool {
        self.bytes >= settings.snapshot_bytes.max(self.snapshot.saturating_mul(STATES))
            || self.entries >= settings.snapshot_entries.max(self.snapshot / BYTES_AN_ENTRY)
    }

    /// A snapshot is made here, of a state with this many bytes; `None` if it could not be made.
    pub(super) fn snapshot_made(&mut self, state: Option<u64>) {
        self.snapshot = state.unwrap_or(self.snapshot);
        (self.entries, self.bytes) = (0, 0);
    }

    /// An entry that says nothing to the machine.
    pub fn pass(&mut self, at: LogId) {
        self.applied = Some(at);
        self.entries += 1;
    }

    /// Applies an entry whose payload has `bytes`; writes what came of it into `answer`. On a panic the system is in the middle of the entry.
    pub(super) fn apply(
        &mut self,
        at: LogId,
        batch: &BatchRef<'_>,
        bytes: usize,
        rules: Rules<'_>,
        run: Run<'_>,
        mut answer: Option<&mut Vec<u8>>,
    ) -> Result<(), Panicked> {
        self.now = self.now.max(batch.now);
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if let Some(answer) = answer.as_deref_mut() {
            answer.reserve(batch.items.len().saturating_mul(ANSWER_ROOM));
            write(answer, &batch.items.len());
        }
        let mut reply = Vec::new();
        for (slot, item) in (0..).zip(&batch.items) {
            let outcome = match item {
                ItemRef::Command { session, serial, acked_below, method, body } => {
                    let cx = (*session, *serial, *acked_below);
                    self.command(at.index, slot, cx, (*method, body), rules, run, &mut reply)?
                }
                ItemRef::Open { .. } | ItemRef::Welcome { .. } if self.fenced.is_some() => Came::Fenced,
                ItemRef::Open { owner, boot } => {
                    let id = SessionId { index: at.index, slot };
                    self.open(id, Session::new(*owner, *boot, at.index), rules.settings.sessions);
                    Came::Opened(id)
                }
                ItemRef::Welcome { peer, store } => self.welcome(at.index, *peer, *store),
                ItemRef::Goodbye { member } => {
                    let is_other = |key: &(PeerId, StoreId), generation: &u64| {
                        key.0 != member.peer || *generation != member.generation
                    };
                    self.welcomed.retain(|key, generation| is_other(key, generation));
                    Came::Done
                }
                ItemRef::Fence(fence) => {
                    self.fenced.get_or_insert(*fence);
                    Came::Done
                }
                ItemRef::Lift => {
                    self.fenced = None;
                    Came::Done
                }
                // After the entry, by whoever holds the state.
                ItemRef::Migrate { .. } => Came::Done,
            };
            if let Some(answer) = answer.as_deref_mut() {
                outcome.write(&reply, answer);
            }
        }
        self.pass(at);
        Ok(())
    }

    fn open(&mut self, id: SessionId, session: Session, limit: usize) {
        // Nobody waits any more for what an earlier process of this node was answered. Late copies of its commands find no session.
        let is_over = |other: &Session| other.owner == session.owner && other.boot != session.boot;
        for (over, used) in
            self.sessions.extract_if(.., |_, other| is_over(other)).map(|(id, gone)| (id, gone.used))
        {
            self.by_use.remove(&(used, over));
        }
        while self.sessions.len() >= limit.max(1)
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.sessions.remove(&oldest);
        }
        self.by_use.insert((session.used, id));
        self.sessions.insert(id, session);
    }

    fn welcome(&mut self, index: u64, peer: PeerId, store: StoreId) -> Came {
        if let Some(generation) = self.welcomed.get(&(peer, store)) {
            return Came::Welcomed(*generation);
        }
        let all = (peer, StoreId(0))..=(peer, StoreId(u64::MAX));
        let mut known: Vec<_> = self.welcomed.range(all).map(|(key, at)| (*at, *key)).collect();
        if known.iter().any(|(generation, _)| *generation == index) {
            return Came::Unreadable("a node was given a place in this entry already: ask again".to_owned());
        }
        known.sort_unstable();
        let spare = (known.len() + 1).saturating_sub(STORES_OF_A_NODE);
        for (_, key) in known.iter().take(spare) {
            self.welcomed.remove(key);
        }
        self.welcomed.insert((peer, store), index);
        Came::Welcomed(index)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one item, without a copy of each")]
    fn command(
        &mut self,
        index: u64,
        slot: u32,
        (id, serial, acked_below): (SessionId, u64, u64),
        (method, body): (u64, &[u8]),
        rules: Rules<'_>,
        run: Run<'_>,
        reply: &mut Vec<u8>,
    ) -> Result<Came, Panicked> {
        reply.clear();
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(Came::Expired) };
        if session.used != index {
            self.by_use.remove(&(session.used, id));
            self.by_use.insert((index, id));
            session.used = index;
        }
        session.forget_below(acked_below);
        session.make_room(serial, rules.settings.outstanding);
        match session.first(serial) {
            None => return Ok(Came::Expired),
            Some(Some(First::Replied(bytes))) => {
                reply.extend_from_slice(bytes.as_slice());
                return Ok(Came::Again);
            }
            Some(Some(First::Panicked)) => {
                return Ok(Came::Panicked(
                    "it panicked when it was first applied; each member logged why".to_owned(),
                ));
            }
            Some(None) => {}
        }
        // The oldest one is always applied: without it nothing would ever be acknowledged.
        if session.is_full(serial, rules.settings.kept) {
            return Ok(Came::Full);
        }
        // Only now: a copy of what was applied before the fence must not say that it was not.
        if self.fenced.is_some() {
            return Ok(Came::Fenced);
        }
        if let Some(message) = rules.skip.get(&(index, slot)) {
            session.remember(serial, First::Panicked);
            self.panics += 1;
            if self.panicked.len() == PANICS_LISTED {
                self.panicked.remove(0);
            }
            self.panicked.push((index, slot));
            return Ok(Came::Panicked(message.clone()));
        }
        let cx = Apply::new(self.now, index, session.owner);
        match run(Call { method, body, cx }, reply) {
            Ran::Replied => {
                session.remember(serial, First::Replied(Kept::new(reply)));
                Ok(Came::Replied)
            }
            Ran::Unreadable(why) => Ok(Came::Unreadable(why)),
            Ran::Panicked(message) => Err(Panicked { slot, message }),
        }
    }
}

/// What holds for all items of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) settings: &'a MachineSettings,
    pub(super) skip: &'a Skip,
}

/// An outcome; a reply is in the buffer.
enum Came {
    Opened(SessionId),
    Replied,
    Again,
    Panicked(String),
    Expired,
    Unreadable(String),
    Welcomed(u64),
    Fenced,
    Done,
    Full,
}

impl Came {
    fn write(&self, reply: &[u8], answer: &mut Vec<u8>) {
        let outcome = match self {
            Self::Opened(id) => OutcomeRef::Opened(*id),
            Self::Replied => OutcomeRef::Replied(Raw(reply)),
            Self::Again => OutcomeRef::Again(Raw(reply)),
            Self::Panicked(message) => OutcomeRef::Panicked(message),
            Self::Expired => OutcomeRef::Expired,
            Self::Unreadable(why) => OutcomeRef::Unreadable(why),
            Self::Welcomed(generation) => OutcomeRef::Welcomed { generation: *generation },
            Self::Fenced => OutcomeRef::Fenced,
            Self::Done => OutcomeRef::Done,
            Self::Full => OutcomeRef::Full,
        };
        write(answer, &outcome);
    }
}

/// Numbers, ids and bytes always encode.
fn write<T: Serialize>(answer: &mut Vec<u8>, value: &T) {
    if let Err(error) = codec::encode_into(value, answer) {
        tracing::error!(target: "mosaik::groups", "an outcome was not encoded: {error}");
    }
}
