//! The reader's side: whom it reads from, what it takes, and which birth it follows. Pure.
//!
//! It reads from one member at a time and stays with it while that serves. Of a snapshot, other members give chunks as well. What a member says is taken only if it follows what is
//! here: the same birth, the next index, no earlier term. Another birth is followed only when nobody of the old one is left, or when
//! the old one has had no majority for long and the other one has.

mod snapshots;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use self::snapshots::Helper;
use super::{
    event::{Effect, Input},
    pull::Pull,
};
use crate::{
    groups::{
        birth::ClusterId,
        store::record::{Entry, LogId},
        tail::wire::{Ask, Stand, Tell},
    },
    primitives::{NodeRng, PeerId},
};

/// A member without a majority is left after this, if there are others.
const PATIENCE: Duration = Duration::from_secs(1);
/// Nobody of the birth that is followed was met for this long: another birth may be followed.
const GONE: Duration = Duration::from_secs(3);
/// The birth that is followed has had no majority for this long: another one that has may be followed.
const OFFLINE: Duration = Duration::from_secs(10);
/// How long a member that failed is left alone: doubled each time, up to the second one.
const REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long a member is left alone with which nothing will change by itself, or that contradicts itself.
const LONG_REST: Duration = Duration::from_secs(15);
/// Snapshots in a row whose chunks were gone before they were here, until another member is asked.
const MISSES: u32 = 8;

/// What is known of a member.
#[derive(Debug)]
struct Mark {
    /// Of members that were never tried the least is tried first.
    rank: u64,
    /// When it was tried last, in numbers of tries.
    tried: u64,
    rests_until: Option<Instant>,
    failures: u32,
    /// It is not asked for chunks before this, unless it is the one that is read from.
    helps_at: Option<Instant>,
}

/// The member that is read from.
#[derive(Debug)]
struct Source {
    peer: PeerId,
    is_open: bool,
    stand: Option<Stand>,
    /// Since when it knows of no majority.
    offline_since: Option<Instant>,
    /// Whether entries were asked for.
    follows: bool,
    /// The birth that its entries begin, when it is another than the one that is here.
    begins: Option<ClusterId>,
    /// Whether it has named the snapshot that is being pulled.
    pulls: bool,
    /// Parts of snapshots before this one that it was asked for and has not sent.
    stale: usize,
    misses: u32,
}

/// A frame that is being applied.
#[derive(Debug)]
struct Applying {
    last: Option<LogId>,
    /// Bytes to acknowledge, or the end of a snapshot.
    bytes: Option<u64>,
}

/// A reader of one group.
#[derive(Debug)]
pub(in crate::groups) struct Core {
    rng: NodeRng,
    me: PeerId,
    chunk: usize,
    members: BTreeMap<PeerId, Mark>,
    tries: u64,
    source: Option<Source>,
    cluster: Option<ClusterId>,
    last: Option<LogId>,
    round: u64,
    taken: u64,
    applying: Option<Applying>,
    /// A snapshot that is being put together. It outlives the member that named it.
    pull: Option<Pull>,
    /// Who gives chunks of it beside the member that is read from.
    helpers: BTreeMap<PeerId, Helper>,
    /// When a member of this birth was there last, and when one that knows of a majority.
    met: Option<Instant>,
    online: Option<Instant>,
    /// Who served this birth last.
    served_by: Option<PeerId>,
    refused: Option<Arc<str>>,
}

impl Core {
    /// A reader on this node that has nothing yet. Chunks of snapshots have this size.
    pub(in crate::groups) fn new(me: PeerId, chunk: usize, rng: NodeRng) -> Self {
        Self {
            rng,
            me,
            chunk,
            members: BTreeMap::new(),
            tries: 0,
            source: None,
            cluster: None,
            last: None,
            round: 0,
            taken: 0,
            applying: None,
            pull: None,
            helpers: BTreeMap::new(),
            met: None,
            online: None,
            served_by: None,
            refused: None,
        }
    }

    /// The member that is read from, once it has said where it stands and belongs to the birth that is here.
    pub(in crate::groups) fn source(&self) -> Option<(PeerId, &Stand)> {
        let source = self.source.as_ref().filter(|source| source.follows && source.begins.is_none())?;
        Some((source.peer, source.stand.as_ref().filter(|stand| stand.cluster == self.cluster)?))
    }

    /// How far a snapshot is that is being pulled: bytes here, bytes in all.
    pub(in crate::groups) fn pulling(&self) -> Option<(u64, u64)> {
        Some(self.pull.as_ref()?.progress())
    }

    /// Members that discovery knows.
    pub(in crate::groups) fn members(&self) -> usize {
        self.members.len()
    }

    /// Why a member could not be read from, last.
    pub(in crate::groups) fn refused(&self) -> Option<Arc<str>> {
        self.refused.clone()
    }

    /// Takes what happened; adds what is to be done.
    pub(in crate::groups) fn step(&mut self, now: Instant, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Members(members) => self.see(members, effects),
            Input::Opened => {
                if let Some(source) = &mut self.source {
                    source.is_open = true;
                }
            }
            Input::NotOpened { why, may_pass } => {
                self.refused = Some(why);
                self.leave(now, !may_pass);
            }
            Input::Lost => self.leave(now, false),
            Input::Helps(peer, help) => self.helps(now, peer, help, effects),
            Input::Told(tell, bytes) => self.told(now, tell, bytes, effects),
            Input::Applied => self.applied(effects),
            Input::Torn => self.torn(effects),
            Input::Tick => {}
        }
        self.look(now, effects);
        if self.source.is_none()
            && let Some(peer) = self.next(now)
        {
            self.dismiss(peer, effects);
            self.dial(peer);
            effects.push(Effect::Dial(peer));
        }
    }

    /// When time alone changes something.
    pub(in crate::groups) fn wake(&self) -> Option<Instant> {
        match &self.source {
            Some(source) => source.offline_since.map(|since| since + PATIENCE),
            None => self.members.values().filter_map(|mark| mark.rests_until).min(),
        }
    }

    fn see(&mut self, members: BTreeSet<PeerId>, effects: &mut Vec<Effect>) {
        self.members.retain(|peer, _| members.contains(peer));
        for peer in members {
            let rng = &mut self.rng;
            self.members.entry(peer).or_insert_with(|| Mark {
                rank: rng.next_u64(),
                tried: 0,
                rests_until: None,
                failures: 0,
                helps_at: None,
            });
        }
        // Who is no member any more may still serve; if it does not, it is not dialled again.
        let is_there = |source: &Source| self.members.contains_key(&source.peer) || source.is_open;
        if self.source.as_ref().is_some_and(|source| !is_there(source)) {
            effects.push(Effect::Close);
            self.forget_source();
        }
    }

    /// The member to try next: this node's own first, then whoever was not tried for the longest time.
    fn next(&self, now: Instant) -> Option<PeerId> {
        let rested = |mark: &Mark| mark.rests_until.is_none_or(|until| until <= now);
        let ready = self.members.iter().filter(|(_, mark)| rested(mark));
        ready.min_by_key(|(peer, mark)| (**peer != self.me, mark.tried, mark.rank)).map(|(peer, _)| *peer)
    }

    fn dial(&mut self, peer: PeerId) {
        self.tries += 1;
        if let Some(mark) = self.members.get_mut(&peer) {
            mark.tried = self.tries;
        }
        self.source = Some(Source {
            peer,
            is_open: false,
            stand: None,
            offline_since: None,
            follows: false,
            begins: None,
            pulls: false,
            stale: 0,
            misses: 0,
        });
    }

    fn forget_source(&mut self) -> Option<PeerId> {
        let source = self.source.take()?;
        if let Some(pull) = &mut self.pull {
            pull.closed(&source.peer);
        }
        Some(source.peer)
    }

    /// The member that is read from is left, for a while or for a long one.
    fn leave(&mut self, now: Instant, long: bool) {
        let Some(peer) = self.forget_source() else { return };
        if let Some(mark) = self.members.get_mut(&peer) {
            let rest = (REST.0 * 2_u32.pow(mark.failures.min(6))).min(REST.1);
            mark.failures = mark.failures.saturating_add(1);
            mark.rests_until = Some(now + if long { LONG_REST } else { rest });
        }
    }

    /// What the member says cannot be: it is left for long.
    fn refuse(&mut self, now: Instant, what: &'static str, effects: &mut Vec<Effect>) {
        self.refused = Some(what.into());
        effects.extend([Effect::Refuse(what), Effect::Close]);
        self.leave(now, true);
    }

    fn part(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        effects.push(Effect::Close);
        self.leave(now, false);
    }

    /// Leaves a member that has known of no majority for a while, if another one may.
    fn look(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let Some(source) = &self.source else { return };
        let late = source.offline_since.is_some_and(|since| now >= since + PATIENCE);
        if !late || self.applying.is_some() {
            return;
        }
        if self.next(now).is_some_and(|next| next != source.peer) {
            self.part(now, effects);
        } else if let Some(source) = &mut self.source {
            source.offline_since = Some(now);
        }
    }

    fn told(&mut self, now: Instant, tell: Tell, bytes: usize, effects: &mut Vec<Effect>) {
        match tell {
            Tell::Stand(stand) => self.stands(now, stand, effects),
            Tell::Entries { round, before, entries, panicked } => {
                self.entries(now, (round, bytes), before, (entries, panicked), effects);
            }
            Tell::Snapshot { round, manifest } => self.snapshot(now, round, manifest, effects),
            Tell::Chunk(answer) => self.chunk(now, &answer, effects),
            // The driver's matter.
            Tell::ReadIndex { .. } => {}
            Tell::Refused(why) => {
                self.refused = Some(why.to_string().into());
                effects.push(Effect::Close);
                self.leave(now, true);
            }
        }
    }

    fn stands(&mut self, now: Instant, stand: Stand, effects: &mut Vec<Effect>) {
        let Some(source) = &mut self.source else { return };
        let before = source.stand.replace(stand.clone()).and_then(|before| before.cluster);
        match stand.online {
            true => source.offline_since = None,
            false => _ = source.offline_since.get_or_insert(now),
        }
        if before.is_some_and(|before| stand.cluster != Some(before)) {
            return self.refuse(now, "a member that belongs to two groups", effects);
        }
        if stand.fenced {
            // It gave way to another group.
            return self.part(now, effects);
        }
        // The group may be born yet.
        let Some(cluster) = stand.cluster else { return };
        let (peer, follows) = (source.peer, source.follows);
        if self.cluster.is_none_or(|own| own == cluster) {
            self.met = Some(now);
            self.online = if stand.online { Some(now) } else { self.online };
            self.served_by = Some(peer);
        } else if !follows && !self.may_turn_to(now, peer, stand.online) {
            return self.part(now, effects);
        }
        if stand.online
            && let Some(mark) = self.members.get_mut(&peer)
        {
            mark.failures = 0;
        }
        match follows {
            true => self.pull_on(now, effects),
            false => self.follow(cluster, effects),
        }
    }

    /// Whether another birth may be followed.
    fn may_turn_to(&self, now: Instant, peer: PeerId, online: bool) -> bool {
        let past = |since: Option<Instant>, wait| since.is_none_or(|since| now >= since + wait);
        self.served_by == Some(peer) || past(self.met, GONE) || online && past(self.online, OFFLINE)
    }

    /// Asks for what comes behind what is here.
    fn follow(&mut self, cluster: ClusterId, effects: &mut Vec<Effect>) {
        let own = self.cluster == Some(cluster);
        let Some(source) = &mut self.source else { return };
        (source.follows, source.pulls) = (true, false);
        source.begins = (!own).then_some(cluster);
        if let Some(pull) = &mut self.pull {
            pull.abandon(&source.peer);
        }
        self.round += 1;
        self.taken = 0;
        let after = self.last.filter(|_| own);
        let from = Ask::From { round: self.round, cluster, after, extensions: Vec::new() };
        effects.push(Effect::Send(from));
    }

    /// The first of another birth is here: what was before is over.
    fn begin(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let Some(source) = &mut self.source else { return };
        if let Some(cluster) = source.begins.take() {
            (self.cluster, self.last) = (Some(cluster), None);
            (self.met, self.online, self.served_by) = (Some(now), Some(now), Some(source.peer));
            effects.push(Effect::Begin(cluster));
        }
    }

    fn entries(
        &mut self,
        now: Instant,
        (round, bytes): (u64, usize),
        before: Option<LogId>,
        (entries, panicked): (Vec<Entry>, Vec<(u64, u32)>),
        effects: &mut Vec<Effect>,
    ) {
        let Some(source) = &self.source else { return };
        if round < self.round {
            return;
        }
        let here = if source.begins.is_some() { None } else { self.last };
        let mut last = before;
        let follows = |entry: &Entry| {
            let next = last.map_or(0, |last| last.index.saturating_add(1));
            let ok = entry.id.index == next && last.is_none_or(|last| last.term <= entry.id.term);
            last = Some(entry.id);
            ok
        };
        let is_sane = source.follows
            && !source.pulls
            && round == self.round
            && before == here
            && !entries.is_empty()
            && entries.iter().all(follows);
        if !is_sane || self.applying.is_some() {
            return self.refuse(now, "entries that do not follow what is here", effects);
        }
        self.drop_pull(effects);
        self.begin(now, effects);
        self.applying = Some(Applying { last, bytes: Some(bytes as u64) });
        effects.push(Effect::Apply { entries, panicked });
    }

    fn applied(&mut self, effects: &mut Vec<Effect>) {
        let Some(Applying { last, bytes }) = self.applying.take() else { return };
        self.last = last;
        match (bytes, self.cluster) {
            (Some(bytes), _) => {
                self.taken += bytes;
                if self.source.as_ref().is_some_and(|source| source.follows) {
                    effects.push(Effect::Send(Ask::Taken { round: self.round, bytes: self.taken }));
                }
            }
            (None, Some(cluster)) => self.follow(cluster, effects),
            (None, None) => {}
        }
    }

    /// What is here is to be made anew, from what members have.
    fn torn(&mut self, effects: &mut Vec<Effect>) {
        (self.applying, self.last) = (None, None);
        self.drop_pull(effects);
        let follows = self.source.as_ref().is_some_and(|source| source.follows);
        if let Some(cluster) = self.cluster.filter(|_| follows) {
            self.follow(cluster, effects);
        }
    }
}
