//! Whether all members have computed the same: they compare the hashes of their states at the snapshots that the log decides.
//!
//! A member is wrong when a majority of the voters agrees on another hash. Where each has another one nobody can say who is right, and
//! what the leader has counts. A wrong member stops: it would answer with a state that nobody else has.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures::future::join_all;

use super::{Instance, running::Running};
use crate::{
    groups::{
        MemberId,
        birth::ClusterId,
        raft::Digested,
        status::InstanceView,
        store::record::LogId,
        wire::{Request, Response, Why},
    },
    primitives::{PeerId, watch},
};

/// Snapshots whose hashes are remembered.
const REMEMBERED: usize = 4;
/// How long another member may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

type Hash = [u8; 32];

/// The hashes of members' states, by entry.
#[derive(Debug, Default)]
pub(super) struct Digests(BTreeMap<LogId, BTreeMap<MemberId, Hash>>);

/// This member has computed something else than the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the state of this member after entry {index} differs from that of {others} of {voters} voters: `apply` did not do the same \
     everywhere. It may use nothing but the state, the command and its context. This member stops, so that it does not answer \
     with a state that nobody else has. Correct `apply`, move this node's data of the group away, and start it again: it joins as a \
     new member"
)]
pub(super) struct Differs {
    index: u64,
    others: usize,
    voters: usize,
}

impl Digests {
    /// A member's state had this hash after this entry.
    fn note(&mut self, at: LogId, member: MemberId, hash: Hash) {
        self.0.entry(at).or_default().insert(member, hash);
        while self.0.len() > REMEMBERED {
            self.0.pop_first();
        }
    }

    fn of(&self, at: LogId, member: MemberId) -> Option<Hash> {
        self.0.get(&at)?.get(&member).copied()
    }

    /// Whether `me` is wrong.
    fn differs(&self, me: MemberId, view: &InstanceView) -> Option<Differs> {
        let voters = view.voters.len();
        self.0.iter().find_map(|(at, hashes)| {
            let mine = hashes.get(&me)?;
            let mut count = BTreeMap::<&Hash, usize>::new();
            let known = hashes.iter().filter(|(member, _)| view.voters.contains(member));
            known.for_each(|(_, hash)| *count.entry(hash).or_default() += 1);
            let answered: usize = count.values().sum();
            let majority = count.iter().find(|(_, members)| 2 * **members > voters).map(|(hash, _)| *hash);
            let leaders = || hashes.get(&view.leader?).filter(|_| voters > 1 && answered == voters);
            let right = majority.or_else(leaders).filter(|right| *right != mine)?;
            Some(Differs { index: at.index, others: count.get(right).copied().unwrap_or(0), voters })
        })
    }
}

impl Instance {
    /// Takes note of a hash; this member stops if it is the one that is wrong.
    fn note_digest(&self, me: MemberId, at: LogId, member: MemberId, hash: Hash) {
        let differs = {
            let mut digests = self.0.digests.lock().unwrap_or_else(PoisonError::into_inner);
            digests.note(at, member, hash);
            digests.differs(me, &self.0.view.borrow())
        };
        if let Some(differs) = differs {
            metrics::counter!("mosaik_groups_differing_total").increment(1);
            self.fail(&differs);
        }
    }

    /// Another member says what its state's hash was.
    pub(super) fn compare(
        &self,
        peer: PeerId,
        (cluster, from): (ClusterId, MemberId),
        at: LogId,
        hash: Hash,
    ) -> Result<Response, Why> {
        let running = self.running().ok_or(Why::NotMe)?;
        if running.cluster != cluster {
            return Err(Why::OtherCluster);
        }
        if from.peer != peer {
            return Err(Why::NotYou);
        }
        let mine = self.0.digests.lock().unwrap_or_else(PoisonError::into_inner).of(at, running.member);
        self.note_digest(running.member, at, from, hash);
        Ok(Response::Digest { hash: mine })
    }
}

/// Tells the others of each snapshot's hash, and hears theirs.
pub(super) async fn compare_all(
    instance: Instance,
    running: Arc<Running>,
    mut digested: watch::Receiver<Option<Digested>>,
) {
    while digested.changed().await.is_ok() {
        let now = *digested.borrow_and_update();
        let Some(Digested { at, hash }) = now else { continue };
        if instance.running().is_none_or(|now| now.member != running.member) {
            return;
        }
        instance.note_digest(running.member, at, running.member, hash);
        let bonds = instance.bonds().peers().into_iter().filter_map(|peer| instance.bonds().get(peer));
        let asked = bonds.filter_map(|bond| {
            let member = bond.hello().member?;
            let (cluster, from) = (running.cluster, running.member);
            let request = Request::Digest { cluster, from, at, hash };
            Some(async move { (member, bond.call(request, ANSWER).await) })
        });
        for (member, answer) in join_all(asked).await {
            // Who does not answer tells when it is so far itself.
            if let Ok(Response::Digest { hash: Some(theirs) }) = answer {
                instance.note_digest(running.member, at, member, theirs);
            }
        }
        if instance.has_failed() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::settings::{GroupSettings, Voters};

    fn member(n: u64) -> MemberId {
        MemberId::from(n)
    }

    fn view(voters: u64, leader: u64) -> InstanceView {
        let mut view = InstanceView::new(&GroupSettings::new(Voters::Count(3)));
        view.voters = Arc::new((1..=voters).map(member).collect());
        view.leader = Some(member(leader));
        view
    }

    fn at(index: u64) -> LogId {
        LogId { term: 1, index }
    }

    #[test]
    fn r5_who_differs_from_the_majority_is_wrong_also_when_it_leads() {
        let mut digests = Digests::default();
        digests.note(at(20), member(1), [7; 32]);
        digests.note(at(20), member(2), [8; 32]);
        let view = view(3, 1);
        assert_eq!((digests.differs(member(1), &view), digests.differs(member(2), &view)), (None, None));
        digests.note(at(20), member(3), [8; 32]);
        let differs = Differs { index: 20, others: 2, voters: 3 };
        assert_eq!(digests.differs(member(1), &view), Some(differs));
        assert_eq!((digests.differs(member(2), &view), digests.differs(member(3), &view)), (None, None));
        // A learner is held to the voters, and no voter to a learner.
        digests.note(at(20), member(9), [9; 32]);
        assert_eq!(digests.differs(member(9), &view), Some(differs));
    }

    #[test]
    fn r5_where_all_differ_the_leader_counts() {
        let mut digests = Digests::default();
        (1..=3).for_each(|n| digests.note(at(20), member(n), [n as u8; 32]));
        let view = view(3, 2);
        assert_eq!(digests.differs(member(2), &view), None);
        for n in [1, 3] {
            assert_eq!(digests.differs(member(n), &view), Some(Differs { index: 20, others: 1, voters: 3 }));
        }
        (21..25).for_each(|index| digests.note(at(index), member(1), [1; 32]));
        assert_eq!((digests.of(at(20), member(1)), digests.0.len()), (None, REMEMBERED));
    }
}
