//! The machine: one input in, effects out.

mod finish;
mod look;
mod peers;
mod promises;

use std::collections::{BTreeMap, BTreeSet};

use self::peers::Peer;
use super::{
    config::{Config, Voters},
    effect::{Effect, Step, Timer},
    genesis::{ClusterId, Member},
    input::{Input, Kind, Rejected, Right, Why},
    record::{Promise, Record},
    view::Phase,
};
use crate::primitives::PeerId;

/// The birth of one group on one node.
///
/// ```
/// # use mosaik_runtime::groups::birth::*;
/// # use mosaik_runtime::primitives::{PeerId, WireId};
/// let me = Member { peer: PeerId::from_bytes([1; 32]), store: StoreId(1) };
/// let config = Config::new(WireId::from_bytes([7; 32]), Voters::Founder);
/// let mut birth = Birth::new(config, me, Record::default());
/// birth.step(Input::LocalReady { holds: None })?;
/// birth.step(Input::Founding(Right::Granted))?;
/// let step = birth.step(Input::Surveyed)?;
/// assert!(step.effects.iter().any(|effect| matches!(effect, Effect::Initialise(_))));
/// # Ok::<(), Rejected>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    config: Config,
    me: Member,
    record: Record,
    phase: Phase,
    cluster: Option<ClusterId>,
    /// Those with a bond now.
    peers: BTreeMap<PeerId, Peer>,
    /// Members of the promised list that have promised it, this node included.
    heard: BTreeSet<PeerId>,
    armed: BTreeSet<Timer>,
    surveyed: bool,
    right: Option<Right>,
    /// Whether it was said that too many may vote.
    warned: bool,
    /// How many promises could not come to be; spreads the next proposals.
    released: u32,
    /// Who was asked to take this node in.
    asked: Option<PeerId>,
    /// Those who said that the group exists that this node joins, as they were then.
    tellers: BTreeSet<Member>,
    /// Whether the deadline has passed since this node began to gather.
    overdue: bool,
    /// How many lost voters were reported.
    lost: usize,
}

impl Birth {
    /// A birth that goes on from what was persisted; `me` names the store that is open now. A configuration that does not
    /// [check](Config::check) never concludes.
    pub fn new(config: Config, me: Member, record: Record) -> Self {
        Self {
            config,
            me,
            record,
            phase: Phase::Dormant,
            cluster: None,
            peers: BTreeMap::new(),
            heard: BTreeSet::new(),
            armed: BTreeSet::new(),
            surveyed: false,
            right: None,
            warned: false,
            released: 0,
            asked: None,
            tellers: BTreeSet::new(),
            overdue: false,
            lost: 0,
        }
    }

    /// Takes one input. A rejected one changes nothing.
    pub fn step(&mut self, input: Input) -> Result<Step, Rejected> {
        let mut effects = Vec::new();
        match self.take(input, &mut effects) {
            Ok(()) => Ok(Step { effects, view: self.view() }),
            Err(reason) => Err(Rejected { reason, admissible: self.admissible() }),
        }
    }

    /// What must survive this process.
    pub fn record(&self) -> &Record {
        &self.record
    }

    fn take(&mut self, input: Input, effects: &mut Vec<Effect>) -> Result<(), Why> {
        let kind = input.kind();
        if !self.admissible().contains(&kind) {
            return Err(self.reason(kind));
        }
        match input {
            Input::LocalReady { holds } => self.local_ready(holds, effects),
            Input::PeerSeen { member, boot, eligible } => self.peer_seen(member, boot, eligible, effects)?,
            Input::PeerReady { peer, boot } => self.peer_ready(peer, boot, effects)?,
            Input::PeerLost { peer, boot } => self.peer_lost(peer, boot, effects)?,
            Input::PeerPromised { peer, genesis, by } => self.peer_promised(peer, genesis, by, effects)?,
            Input::PeerRefused { peer, hash } => self.peer_refused(peer, hash, effects)?,
            Input::PeerInitialised { peer, cluster } => self.peer_initialised(peer, cluster, effects)?,
            Input::Surveyed => {
                self.surveyed = true;
                self.consider(effects);
            }
            Input::Founding(right) => self.founding(right, effects),
            Input::Voters(voters) => self.voters(voters, effects),
            Input::Joined => self.joined(effects),
            Input::Elapsed(timer) => self.elapsed(timer, effects)?,
            Input::Evicted(peer) => self.evicted(peer, effects)?,
            Input::Query => {}
        }
        Ok(())
    }

    /// What may happen in this phase.
    fn admissible(&self) -> Vec<Kind> {
        let talk = [
            Kind::PeerSeen,
            Kind::PeerReady,
            Kind::PeerLost,
            Kind::PeerPromised,
            Kind::PeerRefused,
            Kind::PeerInitialised,
        ];
        let mut kinds = match self.phase {
            Phase::Dormant => vec![Kind::LocalReady],
            Phase::TimedOut => Vec::new(),
            Phase::Gathering | Phase::Waiting | Phase::Concluded | Phase::Resuming | Phase::Joining => {
                let mut kinds = talk.to_vec();
                kinds.extend([Kind::Surveyed, Kind::Elapsed]);
                kinds
            }
        };
        if self.phase != Phase::Dormant && self.phase != Phase::TimedOut && self.is_founded() {
            kinds.push(Kind::Founding);
        }
        if matches!(self.phase, Phase::Concluded | Phase::Resuming | Phase::Joining) {
            kinds.push(Kind::Voters);
        }
        match self.phase {
            Phase::Joining => kinds.push(Kind::Joined),
            Phase::Concluded | Phase::Resuming => kinds.push(Kind::Evicted),
            _ => {}
        }
        kinds.push(Kind::Query);
        kinds
    }

    /// Why an input of this kind is not admissible now.
    fn reason(&self, kind: Kind) -> Why {
        match (self.phase, kind) {
            (Phase::Dormant, _) => Why::NotReady,
            (Phase::TimedOut, _) => Why::Ended,
            (_, Kind::Founding) => Why::NoFounder,
            (_, Kind::Voters | Kind::Evicted) => Why::NoGroup,
            (_, Kind::Joined) => Why::NotJoining,
            _ => Why::Again,
        }
    }

    fn local_ready(&mut self, holds: Option<ClusterId>, effects: &mut Vec<Effect>) {
        effects.push(Effect::SendHello);
        match holds {
            Some(cluster) => self.resume(cluster, effects),
            None => self.gather(effects),
        }
    }

    /// Begins to meet the others, bound by what was promised before.
    fn gather(&mut self, effects: &mut Vec<Effect>) {
        self.phase = Phase::Gathering;
        self.overdue = false;
        self.arm(Timer::Deadline, self.config.deadline, effects);
        match self.record.promise.clone() {
            // Nothing of it was written, or it would be resumed: the same store may still begin it.
            Promise::Sealed { genesis } if !self.is_founded() && genesis.members.contains(&self.me) => {
                self.conclude(genesis, effects);
            }
            Promise::Given { .. } => {
                self.phase = Phase::Waiting;
                self.heard.insert(self.me.peer);
                // A list of one is sealed by its own promise.
                self.seal_if_all(effects);
            }
            Promise::Sealed { .. } | Promise::Bound { .. } | Promise::Free => self.consider(effects),
        }
    }

    /// Does what is due: founds, or proposes when it is this node's turn.
    fn consider(&mut self, effects: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Gathering | Phase::Waiting) || !self.config.eligible {
            return;
        }
        self.give_up_if_gone(effects);
        if self.is_founded() { self.found_if_due(effects) } else { self.propose_if_due(effects) }
    }

    /// Whether one node founds the group alone.
    fn is_founded(&self) -> bool {
        matches!(self.config.voters, Voters::Founder | Voters::Count(1))
    }

    fn arm(&mut self, timer: Timer, after: std::time::Duration, effects: &mut Vec<Effect>) {
        self.armed.insert(timer);
        effects.push(Effect::Arm(timer, after));
    }

    fn disarm(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        if self.armed.remove(&timer) {
            effects.push(Effect::Disarm(timer));
        }
    }

    /// Writes the record; what follows in `effects` may rely on it.
    fn persist(&self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Persist(self.record.clone()));
    }
}
