//! What happens to a reader, and what is to be done about it.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    groups::{
        birth::ClusterId,
        store::record::{Entry, LogId},
        tail::wire::{Ask, Tell},
        wire::{ChunkAnswer, ChunkAsk},
    },
    primitives::PeerId,
};

/// Something happened.
#[derive(Debug)]
pub(in crate::groups) enum Input {
    /// These are the members that discovery knows.
    Members(BTreeSet<PeerId>),
    /// There is a way to the member that was dialled.
    Opened,
    /// There is none.
    NotOpened {
        /// Why.
        why: Arc<str>,
        /// Whether that will pass by itself.
        may_pass: bool,
    },
    /// The way to the member is gone.
    Lost,
    /// The member said something, in a frame of so many bytes.
    Told(Tell, usize),
    /// Something of a member that was asked to help with a snapshot.
    Helps(PeerId, Help),
    /// The entries of the last effect are applied.
    Applied,
    /// What is here is not usable any more: begin with the first state.
    Torn,
    /// Time has passed.
    Tick,
}

/// Something is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::groups) enum Effect {
    /// Find a way to this member.
    Dial(PeerId),
    /// Let the way to the member go.
    Close,
    /// Say this to the member.
    Send(Ask),
    /// The group was born again: go back to the first state.
    Begin(ClusterId),
    /// Apply these, without the commands that panicked. Then tell [`Input::Applied`].
    Apply {
        /// The entries.
        entries: Vec<Entry>,
        /// Commands that panicked.
        panicked: Vec<(u64, u32)>,
    },
    /// Go on from this snapshot. Then tell [`Input::Applied`].
    Install {
        /// Its last entry.
        last: LogId,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// What a member said cannot be.
    Refuse(&'static str),
    /// Do this with a member that helps with a snapshot.
    Help(PeerId, Helping),
}

/// What happens with a member that helps.
#[derive(Debug)]
pub(in crate::groups) enum Help {
    /// There is a way to it.
    Opened,
    /// It gives a part.
    Told(ChunkAnswer),
    /// There is no way to it any more, or there was none.
    Lost,
}

/// What is to be done with a member that helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::groups) enum Helping {
    /// Find a way to it, beside that to the member that is read from.
    Dial,
    /// Ask it for a part.
    Ask(ChunkAsk),
    /// Let the way to it go.
    End,
    /// What it gave cannot be.
    Refuse(&'static str),
}
