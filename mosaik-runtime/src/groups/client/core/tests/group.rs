//! What a group does with items, written down once more, without care for speed or memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::groups::machine::{Item, Outcome, SessionId};

/// The log, applied: sessions, and how often each command was applied.
#[derive(Debug, Default)]
pub(super) struct Group {
    index: u64,
    sessions: BTreeMap<SessionId, Table>,
    /// By body: how often it was applied.
    pub(super) applied: BTreeMap<Bytes, u64>,
    pub(super) fenced: bool,
    /// How many bytes of results a session may have, if that is bounded.
    pub(super) room: Option<usize>,
    /// The most serials that one session ever had without an acknowledgement.
    pub(super) widest: u64,
}

#[derive(Debug, Default)]
struct Table {
    acked_below: u64,
    replies: BTreeMap<u64, Bytes>,
}

impl Group {
    /// Applies one entry.
    pub(super) fn apply(&mut self, items: &[Item]) -> Vec<Outcome> {
        self.index += 1;
        items.iter().zip(0..).map(|(item, slot)| self.one(item, slot)).collect()
    }

    fn one(&mut self, item: &Item, slot: u32) -> Outcome {
        if self.fenced {
            return Outcome::Fenced;
        }
        match item {
            Item::Open { .. } => {
                let session = SessionId { index: self.index, slot };
                self.sessions.insert(session, Table::default());
                Outcome::Opened(session)
            }
            Item::Command { session, serial, acked_below, body, .. } => {
                let Some(table) = self.sessions.get_mut(session) else { return Outcome::Expired };
                table.acked_below = table.acked_below.max(*acked_below);
                table.replies.retain(|serial, _| *serial >= table.acked_below);
                if let Some(reply) = table.replies.get(serial) {
                    return Outcome::Again(reply.clone());
                }
                if *serial < table.acked_below {
                    return Outcome::Expired;
                }
                let kept: usize = table.replies.values().map(Bytes::len).sum();
                if *serial > table.acked_below && self.room.is_some_and(|room| kept >= room) {
                    return Outcome::Full;
                }
                self.widest = self.widest.max(serial + 1 - table.acked_below);
                table.replies.insert(*serial, body.clone());
                *self.applied.entry(body.clone()).or_default() += 1;
                Outcome::Replied(body.clone())
            }
            _ => Outcome::Done,
        }
    }

    /// Forgets all sessions.
    pub(super) fn forget(&mut self) {
        self.sessions.clear();
    }
}
