//! How a birth ends: founded, sealed, resumed, joined, or out of time.

use super::{
    super::{
        effect::{Effect, Report, Timer},
        genesis::{ClusterId, Genesis, Member},
        input::{Right, Why},
        record::Promise,
        view::Phase,
    },
    Birth,
};
use crate::primitives::PeerId;

impl Birth {
    pub(super) fn resume(&mut self, cluster: ClusterId, effects: &mut Vec<Effect>) {
        self.phase = Phase::Resuming;
        self.cluster = Some(cluster);
        effects.push(Effect::Report(Report::Resuming(cluster)));
    }

    pub(super) fn founding(&mut self, right: Right, effects: &mut Vec<Effect>) {
        let before = self.right.replace(right);
        let open = matches!(self.phase, Phase::Gathering | Phase::Waiting);
        if open && right == Right::Spent && before != Some(Right::Spent) {
            effects.push(Effect::Report(Report::RightSpent));
        }
        self.consider(effects);
    }

    /// Founds with this node alone, once everybody who may know the group was asked.
    pub(super) fn found_if_due(&mut self, effects: &mut Vec<Effect>) {
        if !self.surveyed {
            return;
        }
        if let Promise::Sealed { genesis } = &self.record.promise
            && genesis.members.contains(&self.me)
        {
            // Founded by this very store, which had no time to begin.
            let genesis = genesis.clone();
            return self.conclude(genesis, effects);
        }
        // Whoever voted when this node last heard of the group may hold it still.
        if self.right != Some(Right::Granted) || !self.record.promise.members().is_empty() {
            return;
        }
        self.record.proposals = self.record.proposals.saturating_add(1);
        let genesis = Genesis::new(self.config.group, self.me, self.record.proposals, vec![self.me]);
        self.seal(&genesis, effects);
        self.conclude(genesis, effects);
    }

    /// Begins the sealed list: the lowest member that is there initialises, the others follow, each a little later, unless
    /// [voters](super::super::Input::Voters) were committed by then. Raft takes the same list twice for one.
    pub(super) fn conclude(&mut self, genesis: Genesis, effects: &mut Vec<Effect>) {
        self.finish(Phase::Concluded, genesis.cluster(), effects);
        let lower = self.bonded_members(&genesis).into_iter().filter(|peer| *peer < self.me.peer).count();
        match u32::try_from(lower) {
            Ok(0) => effects.push(Effect::Initialise(genesis)),
            Ok(rank) => {
                effects.push(Effect::AwaitLeader(genesis));
                self.arm(Timer::Initialise, self.config.rank_delay.saturating_mul(rank), effects);
            }
            Err(_) => {}
        }
    }

    /// The birth is over on this node; whoever has a bond learns that the group exists.
    pub(super) fn finish(&mut self, phase: Phase, cluster: ClusterId, effects: &mut Vec<Effect>) {
        self.phase = phase;
        self.cluster = Some(cluster);
        self.disarm(Timer::Deadline, effects);
        self.disarm(Timer::Propose, effects);
        if phase == Phase::Concluded {
            self.tell_all_initialised(effects);
        }
    }

    /// Remembers who votes now: they, and not the first committee, may hold the group.
    pub(super) fn voters(&mut self, mut voters: Vec<Member>, effects: &mut Vec<Effect>) {
        voters.sort_unstable();
        let Some(cluster) = self.cluster else { return };
        self.disarm(Timer::Initialise, effects);
        let bound = Promise::Bound { cluster, voters };
        if self.record.promise != bound {
            self.record.promise = bound;
            self.persist(effects);
            self.look_for_losses(effects);
        }
    }

    /// The group took this node in: from now on it can tell others.
    pub(super) fn joined(&mut self, effects: &mut Vec<Effect>) {
        self.phase = Phase::Resuming;
        self.asked = None;
        self.tellers.clear();
        self.disarm(Timer::Deadline, effects);
        self.tell_all_initialised(effects);
    }

    /// The group let the member here go: this node asks for another place.
    pub(super) fn evicted(&mut self, peer: PeerId, effects: &mut Vec<Effect>) -> Result<(), Why> {
        let teller = self.peers.get(&peer).map(|known| known.member).ok_or(Why::StaleBoot)?;
        let cluster = self.cluster.ok_or(Why::NoGroup)?;
        self.disarm(Timer::Initialise, effects);
        self.phase = Phase::Joining;
        self.tellers = [teller].into();
        effects.push(Effect::Report(Report::Joining(cluster)));
        self.ask(peer, cluster, effects);
        Ok(())
    }

    pub(super) fn elapsed(&mut self, timer: Timer, effects: &mut Vec<Effect>) -> Result<(), Why> {
        if !self.armed.remove(&timer) {
            return Err(Why::NotArmed);
        }
        match (timer, self.phase) {
            (Timer::Deadline, Phase::Gathering | Phase::Waiting) => {
                let view = self.view();
                let (seen, ready, missing) = (view.seen, view.ready, view.missing);
                effects.push(Effect::Report(Report::TimedOut { seen, ready, missing }));
                if self.config.strict {
                    self.disarm(Timer::Propose, effects);
                    self.phase = Phase::TimedOut;
                } else {
                    self.overdue = true;
                    self.consider(effects);
                }
            }
            (Timer::Deadline, Phase::Joining) => self.turn_back(effects),
            (Timer::Propose, Phase::Gathering) => self.propose_now(effects),
            (Timer::Initialise, Phase::Concluded) => {
                if let Promise::Sealed { genesis } = &self.record.promise {
                    effects.push(Effect::Initialise(genesis.clone()));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
