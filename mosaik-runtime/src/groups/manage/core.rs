//! The decisions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use crate::{
    groups::{MemberId, settings::Leads},
    primitives::PeerId,
};

/// A member that lacks no more entries than this has caught up.
const CLOSE: u64 = 128;

/// How a committee is managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many voters there should be.
    pub committee: usize,
    /// Who may vote; everybody who is eligible without it.
    pub listed: Option<BTreeSet<PeerId>>,
    /// How long a voter may be away before a spare takes its place.
    pub evict_after: Duration,
}

/// A node that has a bond with the leader now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// As which member it takes part; none before it was taken in.
    pub member: Option<MemberId>,
    /// Whether it may vote.
    pub eligible: bool,
    /// Whether it leads.
    pub leads: Leads,
}

/// What the leader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The leader.
    pub me: MemberId,
    /// The voters. While one set replaces another, the later one.
    pub voters: BTreeSet<MemberId>,
    /// Members that do not vote.
    pub learners: BTreeSet<MemberId>,
    /// Whether one set of voters is replacing another: a change that an earlier leader began.
    pub joint: bool,
    /// Nodes with a bond, this one excluded.
    pub bonds: BTreeMap<PeerId, Seen>,
    /// Up to which entry each member is known to have the log.
    pub matched: BTreeMap<MemberId, u64>,
    /// The last entry of the leader's log.
    pub last: u64,
    /// Members that asked to be let go.
    pub leaving: BTreeSet<MemberId>,
    /// Members that were given a place after the birth, whether they took it or not.
    pub welcomed: BTreeSet<MemberId>,
}

/// One change of the membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Brings a change to its end that an earlier leader began.
    Finish,
    /// A new member that does not vote yet.
    Add(MemberId),
    /// A member that has caught up begins to vote.
    Promote(MemberId),
    /// A voter goes, and a member that has caught up votes in its place.
    Replace {
        /// Who goes.
        lost: MemberId,
        /// Who comes.
        by: MemberId,
    },
    /// A voter that asked to leave is let go.
    Release(MemberId),
    /// A member that does not vote, and is gone, is forgotten.
    Forget(MemberId),
    /// A place that nobody took, or that is left, is given to nobody any more.
    Dismiss(MemberId),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finish => f.write_str("finish the change that was begun"),
            Self::Add(member) => write!(f, "take {member} in"),
            Self::Promote(member) => write!(f, "let {member} vote"),
            Self::Replace { lost, by } => write!(f, "let {by} vote instead of {lost}"),
            Self::Release(member) => write!(f, "let {member} go"),
            Self::Forget(member) => write!(f, "forget {member}"),
            Self::Dismiss(member) => write!(f, "keep no place for {member}"),
        }
    }
}

impl Situation {
    /// Whether this very member is there, and not only its node.
    fn is_present(&self, member: &MemberId) -> bool {
        *member == self.me || self.bonds.get(&member.peer).is_some_and(|seen| seen.member == Some(*member))
    }

    /// Whether the member's node is there as somebody else: it came back without what it had written.
    fn is_outdated(&self, member: &MemberId) -> bool {
        if member.peer == self.me.peer {
            return *member != self.me;
        }
        let now = self.bonds.get(&member.peer).and_then(|seen| seen.member);
        now.is_some_and(|now| now != *member)
    }

    /// The voter that should lead when this one stops: one that is there and does not say that it never leads. Whoever would rather
    /// not comes last; then who lacks the least of the log comes first.
    pub(in crate::groups) fn best_successor(&self) -> Option<MemberId> {
        self.successors()
            .max_by_key(|(voter, leads)| (*leads == Leads::Normal, self.has(voter)))
            .map(|(voter, _)| voter)
    }

    /// The voter to whom one hands over that would rather not lead: nobody who would rather not either.
    pub(in crate::groups) fn willing_successor(&self) -> Option<MemberId> {
        let willing = self.successors().filter(|(_, leads)| *leads == Leads::Normal);
        willing.map(|(voter, _)| voter).max_by_key(|voter| self.has(voter))
    }

    fn successors(&self) -> impl Iterator<Item = (MemberId, Leads)> + '_ {
        let others = self.voters.iter().copied().filter(|voter| *voter != self.me && self.is_present(voter));
        let known = others.filter_map(|voter| Some((voter, self.bonds.get(&voter.peer)?.leads)));
        known.filter(|(_, leads)| *leads != Leads::Never)
    }

    fn has(&self, member: &MemberId) -> u64 {
        self.matched.get(member).copied().unwrap_or(0)
    }

    pub(in crate::groups) fn is_member(&self, member: &MemberId) -> bool {
        self.voters.contains(member) || self.learners.contains(member)
    }

    fn has_caught_up(&self, member: &MemberId) -> bool {
        self.matched.get(member).is_some_and(|matched| matched.saturating_add(CLOSE) >= self.last)
    }

    /// Whether the present voters are a majority of this set.
    fn is_majority_present(&self, voters: &BTreeSet<MemberId>) -> bool {
        2 * voters.iter().filter(|voter| self.is_present(voter)).count() > voters.len()
    }

    /// Whether a change to these voters can be committed and leaves a group that works.
    fn can_become(&self, voters: &BTreeSet<MemberId>) -> bool {
        self.is_majority_present(&self.voters) && self.is_majority_present(voters)
    }

    fn with(&self, come: Option<MemberId>, go: Option<MemberId>) -> BTreeSet<MemberId> {
        let stay = self.voters.iter().copied().filter(|voter| Some(*voter) != go);
        stay.chain(come).collect()
    }
}

/// Watches over one committee while this node leads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    settings: Settings,
    /// Since when members are away.
    away: BTreeMap<MemberId, Duration>,
}

impl Manager {
    /// A manager that begins to watch now: everybody counts as having been there until now.
    pub fn new(settings: Settings) -> Self {
        Self { settings, away: BTreeMap::new() }
    }

    /// The one change to make now, if there is one. `now` is any clock that does not go back.
    pub fn next(&mut self, now: Duration, situation: &Situation) -> Option<Change> {
        self.note_absence(now, situation);
        if situation.joint {
            return Some(Change::Finish);
        }
        let this = &*self;
        this.newcomer(situation)
            .or_else(|| this.leaver(situation))
            .or_else(|| this.successor(situation))
            .or_else(|| this.promotion(situation))
            .or_else(|| this.eviction(now, situation))
            .or_else(|| this.forgotten(now, situation))
            .or_else(|| this.dismissed(now, situation))
    }

    fn note_absence(&mut self, now: Duration, situation: &Situation) {
        let is_known = |member: &MemberId| situation.is_member(member) || situation.welcomed.contains(member);
        self.away.retain(|member, _| !situation.is_present(member) && is_known(member));
        let members = situation.voters.iter().chain(&situation.learners).chain(&situation.welcomed);
        for member in members.filter(|member| !situation.is_present(member)) {
            self.away.entry(*member).or_insert(now);
        }
    }

    fn is_long_away(&self, now: Duration, member: &MemberId) -> bool {
        self.away.get(member).is_some_and(|since| now.saturating_sub(*since) >= self.settings.evict_after)
    }

    /// Everybody who may take part is taken in, so that it has the state and can take a place at once.
    fn newcomer(&self, situation: &Situation) -> Option<Change> {
        let members = situation.bonds.values().filter(|seen| seen.eligible).filter_map(|seen| seen.member);
        // Whoever was let go has no place any more: it comes back as somebody else.
        let has_place =
            |member: &MemberId| situation.welcomed.contains(member) && !situation.leaving.contains(member);
        members.into_iter().find(|member| !situation.is_member(member) && has_place(member)).map(Change::Add)
    }

    /// Members that could vote at once, lowest first. A node never has two votes.
    fn spares<'a>(&'a self, situation: &'a Situation) -> impl Iterator<Item = MemberId> + 'a {
        let may = |member: &MemberId| {
            self.settings.listed.as_ref().is_none_or(|listed| listed.contains(&member.peer))
                && situation.bonds.get(&member.peer).is_some_and(|seen| seen.eligible)
                && !situation.leaving.contains(member)
        };
        let ready = |member: &MemberId| situation.is_present(member) && situation.has_caught_up(member);
        situation.learners.iter().copied().filter(move |member| may(member) && ready(member))
    }

    fn free_spare(&self, situation: &Situation) -> Option<MemberId> {
        self.spares(situation).find(|spare| situation.voters.iter().all(|voter| voter.peer != spare.peer))
    }

    /// A voter that asked to go: a spare takes its place, or the committee gets smaller.
    fn leaver(&self, situation: &Situation) -> Option<Change> {
        let leaves = |voter: &&MemberId| situation.leaving.contains(voter) && **voter != situation.me;
        for voter in situation.voters.iter().filter(leaves) {
            if let Some(by) = self.free_spare(situation)
                && situation.can_become(&situation.with(Some(by), Some(*voter)))
            {
                return Some(Change::Replace { lost: *voter, by });
            }
            let smaller = situation.with(None, Some(*voter));
            if !smaller.is_empty() && situation.can_become(&smaller) {
                return Some(Change::Release(*voter));
            }
        }
        None
    }

    /// A node that came back without its store takes the place of the member that it was.
    fn successor(&self, situation: &Situation) -> Option<Change> {
        let outdated = situation.voters.iter().filter(|voter| situation.is_outdated(voter));
        outdated.copied().find_map(|lost| {
            let by = self.spares(situation).find(|spare| spare.peer == lost.peer)?;
            let fits = situation.can_become(&situation.with(Some(by), Some(lost)));
            fits.then_some(Change::Replace { lost, by })
        })
    }

    /// The committee is smaller than it should be.
    fn promotion(&self, situation: &Situation) -> Option<Change> {
        if situation.voters.len() >= self.settings.committee {
            return None;
        }
        let spare = self.free_spare(situation)?;
        situation.can_become(&situation.with(Some(spare), None)).then_some(Change::Promote(spare))
    }

    /// A voter that is away for too long, or is there as somebody else that may not vote.
    fn eviction(&self, now: Duration, situation: &Situation) -> Option<Change> {
        let by = self.free_spare(situation)?;
        let lost = situation.voters.iter().copied().find(|voter| self.is_long_away(now, voter))?;
        let fits = situation.can_become(&situation.with(Some(by), Some(lost)));
        fits.then_some(Change::Replace { lost, by })
    }

    fn forgotten(&self, now: Duration, situation: &Situation) -> Option<Change> {
        let gone = |member: &&MemberId| {
            situation.is_outdated(member)
                || self.is_long_away(now, member)
                || situation.leaving.contains(member)
        };
        situation.learners.iter().find(gone).copied().map(Change::Forget)
    }

    /// A place of nobody: whoever had it is a member no more, or never was one, and is not there as that.
    fn dismissed(&self, now: Duration, situation: &Situation) -> Option<Change> {
        let may_come = |member: &MemberId| {
            let seen = situation.bonds.get(&member.peer);
            seen.is_some_and(|seen| seen.member.is_none_or(|now| now == *member))
        };
        let gone = |member: &&MemberId| {
            !situation.is_member(member) && !may_come(member) && self.is_long_away(now, member)
        };
        situation.welcomed.iter().find(gone).copied().map(Change::Dismiss)
    }
}
