//! Snapshots that a reader gets: from the member that it reads from, and from others that help. Pure.
//!
//! The member that is read from names the snapshot. Of a long one other members are asked for chunks at the same time; what they give is held to
//! the hashes that were named. Whoever is lost, what is here stays.

use tokio::time::Instant;

use super::{
    super::{
        event::{Effect, Help, Helping},
        pull::{Came, Lie, Pull},
    },
    Applying, Core, LONG_REST, MISSES, REST,
};
use crate::{
    groups::{
        store::record::Manifest,
        tail::{HELPERS, wire::Ask},
        wire::ChunkAnswer,
    },
    primitives::PeerId,
};

/// A member that gives chunks beside the one that is read from.
#[derive(Debug, Default)]
pub(super) struct Helper {
    is_open: bool,
    /// Chunks that it did not have.
    misses: u32,
}

impl Core {
    /// The member that is read from names a snapshot.
    pub(super) fn snapshot(
        &mut self,
        now: Instant,
        round: u64,
        manifest: Manifest,
        effects: &mut Vec<Effect>,
    ) {
        let Some(source) = &mut self.source else { return };
        if round < self.round {
            return;
        }
        let here = if source.begins.is_some() { None } else { self.last };
        let goes_on = manifest
            .last
            .is_some_and(|last| here.is_none_or(|here| here.index < last.index && here.term <= last.term));
        if !source.follows || round != self.round || !goes_on || self.applying.is_some() {
            return self.refuse(now, "a snapshot that goes back", effects);
        }
        let pull = match self.pull.take() {
            Some(before) => before.again(manifest),
            None => Pull::new(manifest, self.chunk),
        };
        match pull {
            Ok(mut pull) => {
                source.pulls = true;
                pull.opened(source.peer);
                self.pull = Some(pull);
            }
            Err(lie) => {
                self.dismiss_all(effects);
                return self.refuse(now, lie.said(), effects);
            }
        }
        self.pull_on(now, effects);
    }

    /// The member that is read from gives a part.
    pub(super) fn chunk(&mut self, now: Instant, answer: &ChunkAnswer, effects: &mut Vec<Effect>) {
        let Some(source) = &mut self.source else { return };
        if source.stale > 0 {
            source.stale -= 1;
            return;
        }
        let pull = self.pull.as_mut();
        match pull.map_or(Err(Lie::Part), |pull| pull.came(&source.peer, answer)) {
            Ok(Came::Part) => self.pull_on(now, effects),
            Ok(Came::Missing) => {
                source.misses += 1;
                let misses = source.misses;
                let cluster = source.begins.or(self.cluster);
                match cluster.filter(|_| misses < MISSES) {
                    // There is a newer snapshot.
                    Some(cluster) => self.follow(cluster, effects),
                    None => self.part(now, effects),
                }
            }
            Err(lie) => self.refuse(now, lie.said(), effects),
        }
    }

    /// Something of a member that helps.
    pub(super) fn helps(&mut self, now: Instant, peer: PeerId, help: Help, effects: &mut Vec<Effect>) {
        let Some(helper) = self.helpers.get_mut(&peer) else { return };
        match help {
            Help::Opened => {
                helper.is_open = true;
                if let Some(pull) = &mut self.pull {
                    pull.opened(peer);
                }
            }
            Help::Lost => self.rest(now, peer, false, effects),
            Help::Told(answer) => {
                let pull = self.pull.as_mut();
                match pull.map_or(Ok(Came::Part), |pull| pull.came(&peer, &answer)) {
                    Ok(Came::Part) => {}
                    Ok(Came::Missing) => {
                        helper.misses += 1;
                        if helper.misses >= MISSES {
                            self.rest(now, peer, false, effects);
                        }
                    }
                    Err(lie) => {
                        self.refused = Some(lie.said().into());
                        effects.push(Effect::Help(peer, Helping::Refuse(lie.said())));
                        self.rest(now, peer, true, effects);
                    }
                }
            }
        }
        self.pull_on(now, effects);
    }

    /// A member does not help for a while; one that lies is left alone for long.
    fn rest(&mut self, now: Instant, peer: PeerId, lies: bool, effects: &mut Vec<Effect>) {
        self.dismiss(peer, effects);
        if let Some(mark) = self.members.get_mut(&peer) {
            mark.helps_at = Some(now + if lies { LONG_REST } else { REST.1 });
            if lies {
                mark.rests_until = Some(now + LONG_REST);
            }
        }
    }

    /// Asks for more of a snapshot, or installs it when it is whole.
    pub(super) fn pull_on(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let source = self.source.as_ref().filter(|source| source.pulls).map(|source| source.peer);
        let Some(pull) = &mut self.pull else { return };
        if pull.is_whole() {
            if source.is_some() {
                self.install(now, effects);
            }
            return;
        }
        if let Some(peer) = source {
            pull.take_over(&peer, now);
            let asks = std::iter::from_fn(|| pull.next(&peer, now));
            effects.extend(asks.map(|ask| Effect::Send(Ask::Chunk(ask))));
        }
        for (peer, _) in self.helpers.iter().filter(|(_, helper)| helper.is_open) {
            let asks = std::iter::from_fn(|| pull.next(peer, now));
            effects.extend(asks.map(|ask| Effect::Help(*peer, Helping::Ask(ask))));
        }
        if let Some(source) = source.filter(|_| pull.wants()) {
            self.seek_help(now, source, effects);
        }
    }

    /// More is wanted than the members that give it are asked for at once.
    fn seek_help(&mut self, now: Instant, source: PeerId, effects: &mut Vec<Effect>) {
        while self.helpers.len() < HELPERS {
            let may = |peer: &PeerId| *peer != source && *peer != self.me && !self.helpers.contains_key(peer);
            let rested = |until: Option<Instant>| until.is_none_or(|until| until <= now);
            let ready = self
                .members
                .iter()
                .filter(|(peer, mark)| may(peer) && rested(mark.rests_until) && rested(mark.helps_at));
            let Some(peer) = ready.min_by_key(|(_, mark)| mark.rank).map(|(peer, _)| *peer) else { return };
            self.helpers.insert(peer, Helper::default());
            effects.push(Effect::Help(peer, Helping::Dial));
        }
    }

    fn install(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let Some((pull, last)) =
            self.take_pull(effects).and_then(|pull| pull.last().map(|last| (pull, last)))
        else {
            return;
        };
        if let Some(source) = &mut self.source {
            (source.misses, source.pulls) = (0, false);
        }
        self.begin(now, effects);
        self.applying = Some(Applying { last: Some(last), bytes: None });
        effects.push(Effect::Install { last, bytes: pull.into_bytes() });
    }

    /// What is here of a snapshot is of no use.
    pub(super) fn drop_pull(&mut self, effects: &mut Vec<Effect>) {
        drop(self.take_pull(effects));
    }

    fn take_pull(&mut self, effects: &mut Vec<Effect>) -> Option<Pull> {
        self.dismiss_all(effects);
        let mut pull = self.pull.take()?;
        if let Some(source) = &mut self.source {
            source.stale += pull.closed(&source.peer);
        }
        Some(pull)
    }

    fn dismiss_all(&mut self, effects: &mut Vec<Effect>) {
        while let Some(peer) = self.helpers.keys().next().copied() {
            self.dismiss(peer, effects);
        }
    }

    /// The member does not help any more.
    pub(super) fn dismiss(&mut self, peer: PeerId, effects: &mut Vec<Effect>) {
        if self.helpers.remove(&peer).is_some() {
            effects.push(Effect::Help(peer, Helping::End));
            if let Some(pull) = &mut self.pull {
                pull.closed(&peer);
            }
        }
    }
}
