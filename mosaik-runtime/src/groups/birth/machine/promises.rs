//! Lists are proposed, promised, refused, and sealed.

use std::time::Duration;

use super::{
    super::{
        config::Voters,
        effect::{Effect, Report, Timer},
        genesis::{Genesis, GenesisHash, Member},
        input::Why,
        record::Promise,
        view::Phase,
    },
    Birth,
};
use crate::primitives::PeerId;

impl Birth {
    /// Proposes when everybody is there: the lowest at once, the others each a little later, in case it cannot.
    pub(super) fn propose_if_due(&mut self, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Gathering || self.record.promise != Promise::Free {
            return;
        }
        let Some(rank) = self.rank_in_candidates(effects) else {
            return self.disarm(Timer::Propose, effects);
        };
        if self.armed.contains(&Timer::Propose) {
            return;
        }
        if rank == 0 {
            self.propose(effects);
        } else {
            self.arm(Timer::Propose, self.config.rank_delay.saturating_mul(rank), effects);
        }
    }

    /// This node's place among those that the next list would name; `None` when not all are there, or not this node.
    fn rank_in_candidates(&mut self, effects: &mut Vec<Effect>) -> Option<u32> {
        if self.warn_if_too_many(effects) {
            return None;
        }
        let rank = self.candidates()?.iter().position(|member| *member == self.me)?;
        u32::try_from(rank).ok()
    }

    /// The members of the next list.
    fn candidates(&self) -> Option<Vec<Member>> {
        let ready = self.ready();
        let chosen: Vec<_> = match &self.config.voters {
            Voters::List(peers) => ready.into_iter().filter(|member| peers.contains(&member.peer)).collect(),
            Voters::Count(_) | Voters::Founder => {
                ready.into_iter().take(self.config.voters.count()).collect()
            }
        };
        (chosen.len() == self.config.voters.count()).then_some(chosen)
    }

    /// Whether two disjoint lists could be sealed.
    fn are_too_many(&self) -> bool {
        matches!(self.config.voters, Voters::Count(_)) && self.seen() >= 2 * self.config.voters.count()
    }

    /// Says, once, that too many may vote.
    fn warn_if_too_many(&mut self, effects: &mut Vec<Effect>) -> bool {
        let too_many = self.are_too_many();
        if too_many && !std::mem::replace(&mut self.warned, true) {
            let (seen, wanted) = (self.seen(), self.config.voters.count());
            effects.push(Effect::Report(Report::TooManyEligible { seen, wanted }));
        }
        too_many
    }

    /// It is this node's turn, if it is still of the list.
    pub(super) fn propose_now(&mut self, effects: &mut Vec<Effect>) {
        let may = self.record.promise == Promise::Free && !self.is_founded();
        if may && self.rank_in_candidates(effects).is_some() {
            self.propose(effects);
        }
    }

    /// Proposes the list of those who are there.
    fn propose(&mut self, effects: &mut Vec<Effect>) {
        let Some(members) = self.candidates() else { return };
        self.record.proposals = self.record.proposals.saturating_add(1);
        let genesis = Genesis::new(self.config.group, self.me, self.record.proposals, members);
        self.promise(genesis, None, effects);
    }

    /// Promises a list, durably, and says so to all its members.
    fn promise(&mut self, genesis: Genesis, proposed_by: Option<PeerId>, effects: &mut Vec<Effect>) {
        self.disarm(Timer::Propose, effects);
        self.record.promise = Promise::Given { genesis: genesis.clone(), by: self.me };
        self.persist(effects);
        self.phase = Phase::Waiting;
        self.heard = proposed_by.into_iter().chain([self.me.peer]).collect();
        for to in self.bonded_members(&genesis) {
            effects.push(Effect::SendPromise { to, genesis: genesis.clone(), by: self.me });
        }
        self.seal_if_all(effects);
    }

    pub(super) fn peer_promised(
        &mut self,
        peer: PeerId,
        genesis: Genesis,
        by: Member,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Why> {
        self.bonded(&peer)?;
        if by.peer != peer || !self.is_allowed(&genesis) || !genesis.members.contains(&by) {
            return Err(Why::WrongList);
        }
        let named = *genesis.member(&self.me.peer).ok_or(Why::NotNamed)?;
        match (self.phase, &self.record.promise) {
            (Phase::Concluded, _) if self.cluster == Some(genesis.cluster()) => {
                self.tell_initialised(peer, effects);
                Ok(())
            }
            (Phase::Waiting, Promise::Given { genesis: mine, by }) if *mine == genesis => {
                let by = *by;
                if self.heard.insert(peer) {
                    effects.push(Effect::SendPromise { to: peer, genesis, by });
                    self.seal_if_all(effects);
                }
                Ok(())
            }
            _ if self.record.has_refused(&genesis) => {
                effects.push(Effect::SendRefusal { to: peer, hash: genesis.hash() });
                Ok(())
            }
            (Phase::Gathering, Promise::Free) if named == self.me && !self.are_too_many() => {
                self.promise(genesis, Some(peer), effects);
                Ok(())
            }
            _ => self.refuse(&genesis, peer, effects),
        }
    }

    /// Gives a promise up when most of the stores that it names are gone: nothing can be committed by that list any more. All its
    /// members are waited for until the deadline; none of those that are there may belong to a group. Only for a group in memory.
    pub(super) fn give_up_if_gone(&mut self, effects: &mut Vec<Effect>) {
        let members = self.record.promise.members();
        if !self.config.in_memory || members.is_empty() {
            return;
        }
        let store_now = |member: &Member| {
            if member.peer == self.me.peer {
                return Some(self.me.store);
            }
            self.peers.get(&member.peer).filter(|peer| peer.ready).map(|peer| peer.member.store)
        };
        let now: Vec<_> = members.iter().map(|member| (member.store, store_now(member))).collect();
        let gone = now.iter().filter(|(then, now)| now.is_some_and(|now| now != *then)).count();
        if 2 * gone > now.len() && (self.overdue || now.iter().all(|(_, now)| now.is_some())) {
            let (lost, of) = (gone, now.len());
            if matches!(self.record.promise, Promise::Bound { .. }) {
                effects.push(Effect::Report(Report::StorageLost { lost, of, durable: false }));
            }
            self.release(effects);
        }
    }

    /// Takes a promise back that cannot come to be.
    fn release(&mut self, effects: &mut Vec<Effect>) {
        let promise = std::mem::take(&mut self.record.promise);
        let list = match promise {
            Promise::Given { genesis, .. } | Promise::Sealed { genesis } => Some(genesis),
            Promise::Free | Promise::Bound { .. } => None,
        };
        let refused = list.filter(|genesis| self.record.refuse(genesis));
        self.persist(effects);
        self.phase = Phase::Gathering;
        self.heard.clear();
        if let Some(genesis) = refused {
            // True of this node from now on, and the others may not hear it from whom it did.
            let hash = genesis.hash();
            effects
                .extend(self.bonded_members(&genesis).into_iter().map(|to| Effect::SendRefusal { to, hash }));
        }
        self.released = self.released.saturating_add(1);
        if !self.is_founded() {
            self.arm(Timer::Propose, self.pause(), effects);
        }
    }

    /// Whether this node's own declaration allows the list.
    fn is_allowed(&self, genesis: &Genesis) -> bool {
        let of_this_group = genesis.group == self.config.group && genesis.is_well_formed();
        let fits = match &self.config.voters {
            Voters::List(peers) => genesis.members.iter().map(|member| member.peer).eq(peers.iter().copied()),
            Voters::Count(count) => genesis.members.len() == usize::from(*count),
            Voters::Founder => false,
        };
        of_this_group && fits && !self.is_founded()
    }

    /// Says, and remembers, that the list is never promised here.
    fn refuse(&mut self, genesis: &Genesis, to: PeerId, effects: &mut Vec<Effect>) -> Result<(), Why> {
        if !self.record.refuse(genesis) {
            return Err(Why::TooManyProposers);
        }
        self.persist(effects);
        self.warn_if_too_many(effects);
        let mut told = self.bonded_members(genesis);
        if !told.contains(&to) {
            told.push(to);
        }
        let hash = genesis.hash();
        effects.extend(told.into_iter().map(|to| Effect::SendRefusal { to, hash }));
        if self.phase == Phase::Concluded || self.phase == Phase::Resuming {
            self.tell_initialised(to, effects);
        }
        Ok(())
    }

    /// A member never promises the list that is promised here: it cannot come to be, and this node is free again.
    pub(super) fn peer_refused(
        &mut self,
        peer: PeerId,
        hash: GenesisHash,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Why> {
        self.bonded(&peer)?;
        match (self.phase, &self.record.promise) {
            (Phase::Waiting, Promise::Given { genesis, .. })
                if genesis.hash() == hash && genesis.member(&peer).is_some() =>
            {
                self.release(effects);
                Ok(())
            }
            _ => Err(Why::NotPromised),
        }
    }

    /// How long to wait before the next proposal: longer and more spread the more of them failed, and different on each node.
    fn pause(&self) -> Duration {
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 birth pause");
        hasher.update(self.me.peer.as_bytes());
        hasher.update(&self.me.store.0.to_le_bytes());
        hasher.update(&self.released.to_le_bytes());
        let slots = 2u32 << self.released.min(5);
        let drawn = u32::from(hasher.finalize().as_bytes()[0]) % slots;
        self.config.rank_delay.saturating_mul(1 + drawn) / 2
    }

    /// Seals the list once every member has promised it.
    pub(super) fn seal_if_all(&mut self, effects: &mut Vec<Effect>) {
        let Promise::Given { genesis, by } = self.record.promise.clone() else { return };
        if !genesis.members.iter().all(|member| self.heard.contains(&member.peer)) {
            return;
        }
        self.give_up_if_gone(effects);
        if self.phase != Phase::Waiting || by != self.me {
            // The store that promised is gone. The list is sealed all the same; somebody who holds its store begins it.
            return;
        }
        self.seal(&genesis, effects);
        self.conclude(genesis, effects);
    }

    pub(super) fn seal(&mut self, genesis: &Genesis, effects: &mut Vec<Effect>) {
        self.record.promise = Promise::Sealed { genesis: genesis.clone() };
        self.persist(effects);
        effects.push(Effect::Report(Report::Sealed(genesis.cluster())));
    }

    /// The other members with a bond.
    pub(super) fn bonded_members(&self, genesis: &Genesis) -> Vec<PeerId> {
        let others = genesis.members.iter().map(|member| member.peer);
        others.filter(|peer| self.peers.contains_key(peer)).collect()
    }
}
