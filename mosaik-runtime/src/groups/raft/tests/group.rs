//! Members on nodes of a simulated network.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use openraft::{Config, Raft, ServerState, SnapshotPolicy, async_runtime::WatchReceiver};
use tokio::time::{Instant, sleep, timeout};

use super::machine::Machine;
use crate::{
    groups::{
        MemberId,
        bond::{
            BondsSettings, Serve,
            tests::lab::{Events, LONG, Node, group, id, key, within},
        },
        pull::Progress,
        raft::{Command, RaftLog, RaftNetwork, RaftServer, RaftTypes, ScopeRuntime},
        store::{Snapshots, Store, record::StoreId},
        wire::{ChannelKind, ChunkAnswer, ChunkAsk, GroupsProtocol, Hello, Request, Response, Why},
    },
    primitives::{NodeRng, PeerId},
    transport::{
        Link,
        sim::{LinkSettings, Net},
    },
};

type Server = RaftServer<Machine>;

/// Serves Raft once it runs; may give wrong chunks, or take nothing.
#[derive(Default)]
struct Seat {
    raft: OnceLock<Server>,
    lies: Arc<AtomicBool>,
    /// Takes no entries.
    stuck: AtomicBool,
    chunks: Arc<AtomicUsize>,
}

impl Serve for Seat {
    fn answer(&self, from: PeerId, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            match self.raft.get() {
                Some(server) => server.answer(from, request).await,
                None => Response::Refused(Why::NotMe),
            }
        })
    }

    fn channel(
        &self,
        from: PeerId,
        kind: ChannelKind,
        mut link: Link<GroupsProtocol>,
    ) -> BoxFuture<'static, ()> {
        let Some(server) = self.raft.get().cloned() else { return Box::pin(async {}) };
        if matches!(kind, ChannelKind::Append { .. }) && self.stuck.load(Ordering::SeqCst) {
            return Box::pin(async move {
                let _held = link;
                std::future::pending().await
            });
        }
        let (lies, chunks) = (self.lies.clone(), self.chunks.clone());
        Box::pin(async move {
            if kind == ChannelKind::Chunks {
                chunks.fetch_add(1, Ordering::SeqCst);
                if lies.load(Ordering::SeqCst) {
                    while let Ok(Some(ChunkAsk::V1 { .. })) = link.recv(LONG).await {
                        let part = ChunkAnswer::Part { of: 3, bytes: Bytes::from_static(b"lie") };
                        link.send(&part).await.expect("sent");
                    }
                    return;
                }
            }
            server.channel(from, kind, link).await;
        })
    }
}

struct Member {
    node: Node,
    me: MemberId,
    raft: Raft<RaftTypes, Machine>,
    seat: Arc<Seat>,
    snapshots: Snapshots,
    _events: Events,
}

fn config() -> Arc<Config> {
    let config = Config {
        heartbeat_interval: 100,
        election_timeout_min: 300,
        election_timeout_max: 600,
        enable_pre_vote: Some(true),
        max_payload_entries: 64,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        ..Config::default()
    };
    Arc::new(config.validate().expect("a valid configuration"))
}

fn member(number: u8) -> MemberId {
    MemberId::new(id(number), number.into())
}

impl Member {
    async fn start(net: &Net, number: u8) -> Self {
        let (node, me) = (Node::start(net, number, 1).await, member(number));
        let seat: Arc<Seat> = Arc::default();
        let hello = Hello { member: Some(me), ..node.hello() };
        let settings = BondsSettings { hello, key: key(1), ..node.settings() };
        let events = node.bond_with(settings, seat.clone());
        let store = Store::memory(node.id(), StoreId(number.into()));
        let log = RaftLog::new(store.log(group()).await.expect("opens"));
        let snapshots = store.snapshots(group());
        let machine = Machine::new(snapshots.clone()).await.expect("restores");
        let network = RaftNetwork::new(node.bonds().clone(), me);
        let start = Raft::new(me, config(), network.clone(), log, machine);
        let raft = ScopeRuntime::within(&node.scope, NodeRng::from_seed(number.into()), start);
        let raft = raft.await.expect("starts");
        let server = RaftServer::new(raft.clone(), network, snapshots.clone());
        assert!(seat.raft.set(server).is_ok());
        Self { node, me, raft, seat, snapshots, _events: events }
    }

    async fn write(&self, bytes: &[u8]) -> bool {
        let command = Command(Bytes::copy_from_slice(bytes));
        matches!(timeout(Duration::from_secs(5), self.raft.client_write(command)).await, Ok(Ok(_)))
    }

    async fn state(&self) -> Vec<u8> {
        let state = self.raft.with_state_machine(|machine| {
            let state = machine.state().to_vec();
            Box::pin(async move { state })
        });
        state.await.expect("runs")
    }

    fn leads(&self) -> bool {
        self.raft.metrics().borrow_watched().state == ServerState::Leader
    }

    async fn applied(&self, index: u64) {
        let wait = self.raft.wait(Some(LONG));
        wait.applied_index_at_least(Some(index), "it follows").await.expect("it follows");
    }

    fn last_applied(&self) -> u64 {
        self.raft.metrics().borrow_watched().last_applied.map_or(0, |id| id.index)
    }
}

/// Members that know each other and bond.
async fn meet(members: &[Member]) {
    for member in members {
        member.node.knows(members.len()).await;
        members.iter().for_each(|other| member.node.bonds().offer(other.node.id()));
    }
    for member in members {
        for other in members.iter().filter(|other| other.me != member.me) {
            within("a bond", member.node.bonds().bonded(other.node.id())).await;
        }
    }
}

async fn three(net: &Net) -> Vec<Member> {
    let mut members = Vec::new();
    for number in 1..=3 {
        members.push(Member::start(net, number).await);
    }
    meet(&members).await;
    let all: BTreeSet<_> = members.iter().map(|member| member.me).collect();
    members[0].raft.initialize(all).await.expect("is new");
    members
}

/// The place of the member that leads, once one does and says so itself.
async fn leader(members: &[Member]) -> usize {
    within("a leader", async {
        loop {
            if let Some(place) = members.iter().position(Member::leads) {
                return place;
            }
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn three_members_elect_replicate_and_fail_over() {
    let net = Net::new(7);
    let mut members = three(&net).await;
    let first = leader(&members).await;
    for number in 0..50u8 {
        assert!(members[first].write(&[number]).await);
    }
    let expected: Vec<u8> = (0..50).collect();
    let index = members[first].last_applied();
    for member in &members {
        member.applied(index).await;
        assert_eq!(member.state().await, expected, "{:?}", member.me);
    }
    let term = members[first].raft.metrics().borrow_watched().current_term;
    let before = Instant::now();
    members.remove(first).node.crash(&net);
    let second = leader(&members).await;
    assert!(members[second].write(&[50]).await);
    assert!(before.elapsed() < Duration::from_secs(3), "the next commit came after {:?}", before.elapsed());
    assert!(members[second].raft.metrics().borrow_watched().current_term > term);
    let expected: Vec<u8> = (0..51).collect();
    let index = members[second].last_applied();
    members[1 - second].applied(index).await;
    assert_eq!(members[1 - second].state().await, expected);
    assert_eq!(members.iter().map(|member| member.node.scope.panics()).sum::<u64>(), 0);
}

#[tokio::test(start_paused = true)]
async fn leadership_is_handed_over_by_word() {
    let net = Net::new(7);
    let members = three(&net).await;
    let first = leader(&members).await;
    assert!(members[first].write(b"a").await);
    let next = &members[(first + 1) % 3];
    next.applied(members[first].last_applied()).await;
    let before = Instant::now();
    members[first].raft.trigger().transfer_leader(next.me).await.expect("runs");
    within("the transfer", async {
        while !next.leads() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(before.elapsed() < Duration::from_millis(300), "without an election: {:?}", before.elapsed());
    assert!(next.write(b"b").await);
}

/// A question of Raft goes to one life of a member, and comes from the node that the bond proves.
#[tokio::test(start_paused = true)]
async fn a_question_for_another_generation_is_refused() {
    let net = Net::new(7);
    let members = three(&net).await;
    let [one, two, three] = &members[..] else { panic!("three") };
    let bond = one.node.bonds().get(two.node.id()).expect("a bond");
    let vote = |to, member| crate::groups::wire::VoteAsk {
        to,
        vote: crate::groups::store::record::Vote { term: 90, member, committed: false },
        last: None,
        transfer: false,
    };
    let earlier = MemberId { generation: 99, ..two.me };
    let asked = bond.call(Request::Vote(vote(earlier, one.me)), LONG).await;
    assert_eq!(asked, Ok(Response::Refused(Why::NotMe)));
    let asked = bond.call(Request::Vote(vote(two.me, three.me)), LONG).await;
    assert_eq!(asked, Ok(Response::Refused(Why::NotYou)));
    assert!(two.raft.metrics().borrow_watched().current_term < 90, "neither was heard");
}

/// Writes until the log is long, takes snapshots everywhere, and forgets the log.
async fn with_snapshots(members: &[Member], count: usize) -> Vec<u8> {
    let first = leader(members).await;
    let mut writes: FuturesUnordered<_> = (0..count)
        .map(|number| members[first].write(format!("command {number:09}").as_bytes().to_vec().leak()))
        .collect();
    while let Some(written) = writes.next().await {
        assert!(written);
    }
    let index = members[first].last_applied();
    for member in members {
        member.applied(index).await;
        member.raft.trigger().snapshot().await.expect("runs");
        let wait = member.raft.wait(Some(LONG));
        let taken = wait.metrics(
            |metrics| metrics.snapshot.is_some_and(|snapshot| snapshot.index >= index),
            "a snapshot",
        );
        taken.await.expect("a snapshot");
        member.raft.trigger().purge_log(index).await.expect("runs");
    }
    members[first].state().await
}

async fn joins(net: &Net, members: &mut Vec<Member>) -> usize {
    let number = u8::try_from(members.len() + 1).expect("few");
    members.push(Member::start(net, number).await);
    meet(members).await;
    let first = leader(members).await;
    let newcomer = members.last().expect("a newcomer").me;
    let added = members[first].raft.add_learner(newcomer, openraft::EmptyNode {}, true);
    within("the newcomer catches up", added).await.expect("added");
    first
}

#[tokio::test(start_paused = true)]
async fn h14_a_member_catches_up_from_several_and_refuses_a_chunk_that_is_not_what_it_says() {
    let net = Net::new(7);
    let mut members = three(&net).await;
    let state = with_snapshots(&members, 300).await;
    let first = leader(&members).await;
    let liar = (first + 1) % 3;
    members[liar].seat.lies.store(true, Ordering::SeqCst);
    joins(&net, &mut members).await;
    members[3].applied(members[first].last_applied()).await;
    assert_eq!(members[3].state().await, state);
    let asked: Vec<usize> = members.iter().map(|member| member.seat.chunks.load(Ordering::SeqCst)).collect();
    assert!(asked[..3].iter().all(|asked| *asked > 0), "all members were asked for chunks: {asked:?}");
    let manifest = members[3].snapshots.current().await.expect("reads").expect("a snapshot");
    assert!(manifest.chunks.len() > 100, "{} chunks", manifest.chunks.len());
}

#[tokio::test(start_paused = true)]
async fn f11_a_pull_that_breaks_off_goes_on_where_it_was() {
    let net = Net::new(7);
    let mut members = three(&net).await;
    let state = with_snapshots(&members, 2000).await;
    net.set_links(LinkSettings { latency: Duration::from_millis(20), ..LinkSettings::default() });
    members.push(Member::start(&net, 4).await);
    meet(&members).await;
    let (first, newcomer) = (leader(&members).await, members[3].me);
    let here = |members: &[Member]| {
        let server = members[3].seat.raft.get().expect("it serves");
        server.progress().unwrap_or_default()
    };
    let half_way = |progress: &Progress| progress.here * 3 > progress.of && progress.of > 0;
    let raft = members[first].raft.clone();
    members[first].node.scope.spawn("lab", async move {
        let _ = raft.add_learner(newcomer, openraft::EmptyNode {}, false).await;
    });
    within("half of it", async {
        while !half_way(&here(&members)) {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(members[3].last_applied() == 0, "it is under way: {:?}", here(&members));
    for other in 0..3 {
        members[3].node.bonds().get(members[other].node.id()).expect("a bond").close();
    }
    let before = here(&members).here;
    within("the state", async {
        while members[3].state().await != state {
            assert!(here(&members).here >= before, "nothing is pulled twice");
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f11_heartbeats_do_not_wait_behind_entries() {
    let net = Net::new(7);
    let members = three(&net).await;
    let first = leader(&members).await;
    assert!(members[first].write(b"a").await);
    // From here on, no follower takes any entry.
    let followers = || members.iter().filter(|member| member.me != members[first].me);
    for follower in followers() {
        follower.seat.stuck.store(true, Ordering::SeqCst);
        let bond = follower.node.bonds().get(members[first].node.id()).expect("a bond");
        bond.close();
        bond.ended().await;
        within("a bond", members[first].node.bonds().bonded(follower.node.id())).await;
    }
    let raft = members[first].raft.clone();
    members[first].node.scope.spawn("lab", async move {
        for _ in 0..20 {
            let _ = raft.client_write_ff(Command(Bytes::from(vec![7; 200_000])), None).await;
        }
    });
    sleep(Duration::from_secs(1)).await;
    let server = members[first].seat.raft.get().expect("it serves");
    for second in 0..20 {
        let read = timeout(Duration::from_millis(200), server.read_index()).await;
        assert!(matches!(read, Ok(Ok(_))), "after {second} s a majority still answers heartbeats: {read:?}");
        sleep(Duration::from_secs(1)).await;
    }
    assert!(members[first].leads());
}

/// What is given while others are on their way is sent at once: it does not wait for their answers.
#[tokio::test(start_paused = true)]
async fn entries_follow_each_other_without_waiting_for_answers() {
    const WAY: Duration = Duration::from_millis(40);
    let net = Net::new(7);
    let members = three(&net).await;
    let first = leader(&members).await;
    assert!(members[first].write(b"a").await);
    let index = members[first].last_applied();
    for member in &members {
        member.applied(index).await;
    }
    net.set_links(LinkSettings { latency: WAY, jitter: 0.0, ..LinkSettings::default() });
    sleep(WAY * 10).await;
    let given = |number: u8| {
        let leader = &members[first];
        async move {
            sleep(WAY * number.into() / 4).await;
            let start = Instant::now();
            assert!(leader.write(&[number; 10_000]).await);
            start.elapsed()
        }
    };
    let taken: Vec<Duration> = futures::future::join_all((0..8).map(given)).await;
    // One way there and one back. With one message at a time all but the first wait for the answer to the one before.
    assert!(taken.iter().all(|taken| *taken < WAY * 9 / 4), "{taken:?}");
    assert!(taken.iter().all(|taken| *taken >= WAY * 2), "a follower has each of them: {taken:?}");
    let last = members[first].last_applied();
    assert_eq!(last, index + 8, "nothing was given twice");
    assert!(members[first].leads());
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_history() {
    let history = || async {
        let net = Net::new(11);
        let members = three(&net).await;
        let first = leader(&members).await;
        for number in 0..20u8 {
            assert!(members[first].write(&[number]).await);
        }
        sleep(Duration::from_secs(5)).await;
        (first, net.trace_hash())
    };
    assert_eq!(history().await, history().await);
}
