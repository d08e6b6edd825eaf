//! Votes of a durable member: what it has answered, it remembers.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use openraft::{Config, Raft, raft::VoteRequest};

use super::alone::{GROUP, Nobody, OWNER, SETTINGS};
use crate::{
    groups::{
        MemberId,
        machine::tests::toy::Toy,
        raft::{Machine, RaftLog, RaftTypes, convert},
        store::{
            Store,
            record::{LogId, Vote},
            sim::SimDisk,
        },
    },
    primitives::{NodeRng, PeerId, Scope},
};

/// One life of a voter of three that is never a candidate itself.
struct Life {
    scope: Scope,
    raft: Raft<RaftTypes, Machine>,
}

fn candidate(n: u8) -> MemberId {
    MemberId::new(PeerId::from_bytes([n; 32]), n.into())
}

impl Life {
    async fn begin(disk: &SimDisk, rng: &mut NodeRng) -> Self {
        let scope = Scope::new();
        let store = Store::simulated(disk, OWNER, rng, &scope, Duration::from_millis(2)).expect("opens");
        let me = MemberId::new(OWNER, store.id().0);
        let log = RaftLog::new(store.log(GROUP).await.expect("opens"));
        let (snapshots, reader) = (store.snapshots(GROUP), store.reader(GROUP));
        let (machine, _) = Machine::open(Toy::default(), snapshots, reader, SETTINGS).expect("opens");
        let config = Config { enable_elect: false, ..Config::default() };
        let config = Arc::new(config.validate().expect("a valid configuration"));
        let raft = Raft::new(me, config, Nobody, log, machine).await.expect("starts");
        if !raft.is_initialized().await.expect("runs") {
            let voters = BTreeSet::from([me, candidate(2), candidate(3)]);
            raft.initialize(voters).await.expect("is new");
        }
        Self { scope, raft }
    }

    /// Whether it votes for this candidate, in this term.
    async fn votes_for(&self, member: MemberId, term: u64) -> bool {
        let vote = convert::raft_vote(Vote { term, member, committed: false });
        let last = convert::raft_log_id(LogId { term: 1, index: 100 });
        self.raft.vote(VoteRequest::new(vote, Some(last))).await.expect("runs").vote_granted
    }

    /// The power is cut, whatever it was doing.
    async fn end(self, disk: &SimDisk, rng: &mut NodeRng) {
        self.scope.kill();
        disk.cut_power(rng);
        let _ = self.raft.shutdown().await;
        self.scope.ended().await;
    }
}

#[tokio::test(start_paused = true)]
async fn lc7_f2_a_vote_that_was_answered_stands_after_a_power_cut() {
    for seed in 0..8 {
        let (disk, mut rng) = (SimDisk::new(), NodeRng::from_seed(seed));
        for term in [90, 91, 95] {
            let life = Life::begin(&disk, &mut rng).await;
            assert!(life.votes_for(candidate(2), term).await, "seed {seed}: nobody had its vote in {term}");
            // The answer has left, and that moment the power goes.
            life.end(&disk, &mut rng).await;
            let life = Life::begin(&disk, &mut rng).await;
            assert!(!life.votes_for(candidate(3), term).await, "seed {seed}: a second vote in term {term}");
            assert!(life.votes_for(candidate(2), term).await, "seed {seed}: it knows whom it voted for");
            life.end(&disk, &mut rng).await;
        }
    }
}
