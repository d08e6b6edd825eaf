//! Who is there: bonds, readiness, and those who say that the group exists.

use super::{
    super::{
        effect::{Effect, Report, Timer},
        genesis::{ClusterId, Member},
        input::Why,
        record::Promise,
        view::Phase,
    },
    Birth,
};
use crate::primitives::{BootId, PeerId};

/// How many bonds one birth keeps track of.
pub(in super::super) const MOST_PEERS: usize = 4096;

/// A peer with a bond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) member: Member,
    pub(super) boot: BootId,
    pub(super) eligible: bool,
    pub(super) ready: bool,
}

impl Birth {
    pub(super) fn peer_seen(
        &mut self,
        member: Member,
        boot: BootId,
        eligible: bool,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Why> {
        let peer = member.peer;
        if peer == self.me.peer {
            return Err(Why::Myself);
        }
        match self.peers.get(&peer) {
            Some(known) if known.boot == boot => return Err(Why::Again),
            None if self.peers.len() >= MOST_PEERS => return Err(Why::TooManyPeers),
            // A newer process takes the place of the older one, and its readiness goes with it.
            _ => {}
        }
        self.peers.insert(peer, Peer { member, boot, eligible, ready: false });
        self.look_for_losses(effects);
        self.turn_back_later(effects);
        match self.phase {
            Phase::Concluded | Phase::Resuming => self.tell_initialised(peer, effects),
            Phase::Gathering | Phase::Waiting if self.config.eligible => {
                effects.push(Effect::SendReady(peer))
            }
            _ => {}
        }
        self.consider(effects);
        Ok(())
    }

    pub(super) fn peer_ready(
        &mut self,
        peer: PeerId,
        boot: BootId,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Why> {
        let known = self.peers.get_mut(&peer).filter(|known| known.boot == boot).ok_or(Why::StaleBoot)?;
        if std::mem::replace(&mut known.ready, true) {
            return Err(Why::Again);
        }
        if let (Phase::Waiting, Promise::Given { genesis, by }) = (self.phase, &self.record.promise)
            && genesis.member(&peer).is_some()
        {
            effects.push(Effect::SendPromise { to: peer, genesis: genesis.clone(), by: *by });
        }
        self.turn_back_if_gone(effects);
        self.consider(effects);
        Ok(())
    }

    pub(super) fn peer_lost(
        &mut self,
        peer: PeerId,
        boot: BootId,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Why> {
        if self.peers.get(&peer).is_none_or(|known| known.boot != boot) {
            return Err(Why::StaleBoot);
        }
        self.peers.remove(&peer);
        if self.asked == Some(peer) {
            self.asked = None;
        }
        self.turn_back_later(effects);
        self.consider(effects);
        Ok(())
    }

    pub(super) fn peer_initialised(
        &mut self,
        peer: PeerId,
        cluster: ClusterId,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Why> {
        let teller = self.peers.get(&peer).map(|known| known.member).ok_or(Why::StaleBoot)?;
        match self.phase {
            Phase::Gathering | Phase::Waiting => {
                self.tellers = [teller].into();
                self.group_exists(peer, cluster, effects);
            }
            // That a list is sealed does not say that anybody has begun it: a timer that is armed goes on.
            _ if self.cluster == Some(cluster) => {
                if self.phase == Phase::Joining {
                    self.tellers.insert(teller);
                    self.disarm(Timer::Deadline, effects);
                    if self.asked.is_none() {
                        self.ask(peer, cluster, effects);
                    }
                }
            }
            _ => {
                let mine = self.cluster.ok_or(Why::Again)?;
                effects.push(Effect::Report(Report::Conflict { peer, mine, theirs: cluster }));
            }
        }
        Ok(())
    }

    /// The group was born: by the list that is promised here, or without this node.
    fn group_exists(&mut self, peer: PeerId, cluster: ClusterId, effects: &mut Vec<Effect>) {
        match &self.record.promise {
            Promise::Given { genesis, by } if *by == self.me && genesis.cluster() == cluster => {
                let genesis = genesis.clone();
                self.seal(&genesis, effects);
                self.conclude(genesis, effects);
            }
            // A promise stays, also beside a group that was born without it.
            _ => {
                self.finish(Phase::Joining, cluster, effects);
                effects.push(Effect::Report(Report::Joining(cluster)));
                self.ask(peer, cluster, effects);
            }
        }
    }

    pub(super) fn ask(&mut self, peer: PeerId, cluster: ClusterId, effects: &mut Vec<Effect>) {
        self.asked = Some(peer);
        effects.push(Effect::RequestJoin { peer, cluster });
    }

    /// Nobody is left who knew the group that this node waits to be taken into: all who told of it came back and know nothing of it.
    /// So it is as if this node had only just started.
    fn turn_back_if_gone(&mut self, effects: &mut Vec<Effect>) {
        let has_forgotten = |teller: &Member| {
            let now = self.peers.get(&teller.peer);
            now.is_some_and(|now| now.ready && now.member.store != teller.store)
        };
        if self.phase == Phase::Joining && self.config.in_memory && self.tellers.iter().all(has_forgotten) {
            self.turn_back(effects);
        }
    }

    /// Nobody who knows the group has a bond: after the deadline it is looked for anew. One node that founds alone does not do that: it
    /// might found a second one.
    fn turn_back_later(&mut self, effects: &mut Vec<Effect>) {
        let knows = |teller: &Member| self.peers.get(&teller.peer).is_some_and(|now| now.member == *teller);
        let may = self.phase == Phase::Joining && self.config.in_memory && !self.is_founded();
        if may
            && !self.config.strict
            && !self.tellers.iter().any(knows)
            && !self.armed.contains(&Timer::Deadline)
        {
            self.arm(Timer::Deadline, self.config.deadline, effects);
        }
    }

    /// Back from joining, without having been taken in: this node holds nothing of the group, and what it promised binds it as before.
    pub(super) fn turn_back(&mut self, effects: &mut Vec<Effect>) {
        (self.cluster, self.asked) = (None, None);
        self.tellers.clear();
        effects.push(Effect::StopAsking);
        let heard = std::mem::take(&mut self.heard);
        if self.config.eligible {
            effects.extend(self.peers.keys().map(|peer| Effect::SendReady(*peer)));
        }
        self.gather(effects);
        let Promise::Given { genesis, by } = self.record.promise.clone() else { return };
        if self.phase == Phase::Waiting {
            // A promise stays given, whoever heard it and whenever.
            self.heard.extend(heard);
            for to in self.bonded_members(&genesis) {
                effects.push(Effect::SendPromise { to, genesis: genesis.clone(), by });
            }
            self.seal_if_all(effects);
        }
    }

    /// Whether voters of the group are there with other stores than they voted with: somebody should know. In memory that is what
    /// a restart does, so there only when nothing is committed any more.
    pub(super) fn look_for_losses(&mut self, effects: &mut Vec<Effect>) {
        let Promise::Bound { voters, .. } = &self.record.promise else { return };
        let is_of_it = matches!(self.phase, Phase::Concluded | Phase::Resuming | Phase::Joining);
        if !is_of_it {
            return;
        }
        let is_lost = |voter: &&Member| {
            let now = self.peers.get(&voter.peer).map(|now| now.member);
            let now = if voter.peer == self.me.peer { Some(self.me) } else { now };
            now.is_some_and(|now| now.store != voter.store)
        };
        let (lost, of) = (voters.iter().filter(is_lost).count(), voters.len());
        let durable = !self.config.in_memory;
        if (durable || 2 * lost >= of) && lost > self.lost {
            effects.push(Effect::Report(Report::StorageLost { lost, of, durable }));
        }
        self.lost = lost;
    }

    /// Messages count only over a bond.
    pub(super) fn bonded(&self, peer: &PeerId) -> Result<(), Why> {
        self.peers.contains_key(peer).then_some(()).ok_or(Why::StaleBoot)
    }

    pub(super) fn tell_initialised(&self, to: PeerId, effects: &mut Vec<Effect>) {
        if let Some(cluster) = self.cluster {
            effects.push(Effect::SendInitialised { to, cluster });
        }
    }

    pub(super) fn tell_all_initialised(&self, effects: &mut Vec<Effect>) {
        self.peers.keys().for_each(|peer| self.tell_initialised(*peer, effects));
    }

    /// Eligible nodes with a bond, this one included when it is eligible.
    pub(super) fn seen(&self) -> usize {
        self.peers.values().filter(|peer| peer.eligible).count() + usize::from(self.config.eligible)
    }

    /// Those who could vote now, this node included when it is eligible, ascending.
    pub(super) fn ready(&self) -> Vec<Member> {
        let others = self.peers.values().filter(|peer| peer.eligible && peer.ready).map(|peer| peer.member);
        let mut ready: Vec<_> = others.chain(self.config.eligible.then_some(self.me)).collect();
        ready.sort_unstable();
        ready
    }
}
