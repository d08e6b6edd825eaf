//! Who is there: bonds, readiness, and those who say that the group exists.

use super::{
    super::{
        effect::{Effect, Report},
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
        self.consider(effects);
        Ok(())
    }

    pub(super) fn peer_initialised(
        &mut self,
        peer: PeerId,
        cluster: ClusterId,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Why> {
        self.bonded(&peer)?;
        match self.phase {
            Phase::Gathering | Phase::Waiting => self.group_exists(peer, cluster, effects),
            // That a list is sealed does not say that anybody has begun it: a timer that is armed goes on.
            _ if self.cluster == Some(cluster) => {
                if self.phase == Phase::Joining && self.asked.is_none() {
                    self.ask(peer, cluster, effects);
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

    fn ask(&mut self, peer: PeerId, cluster: ClusterId, effects: &mut Vec<Effect>) {
        self.asked = Some(peer);
        effects.push(Effect::RequestJoin { peer, cluster });
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
