//! What is kept of a log is bounded.

use bytes::Bytes;

use super::*;
use crate::transport::sim::LinkSettings;

/// Puts so many commands of 300 KiB into the log on the node that leads.
async fn weigh_down(node: &Node, count: u64) {
    let open = Item::Open { owner: node.instance.me(), boot: node.instance.boot() };
    let opened = node.instance.propose(vec![open]).await.expect("it leads");
    let [Outcome::Opened(session)] = opened[..] else { panic!("{opened:?}") };
    // It means nothing to the machine, and is in the log all the same.
    let body = Bytes::from(vec![0xff; 300 * 1024]);
    for serial in 0..count {
        let method = crate::groups::machine::COMMAND;
        let item = Item::Command { session, serial, acked_below: serial, method, body: body.clone() };
        let outcomes = node.instance.propose(vec![item]).await.expect("it leads");
        assert!(matches!(outcomes[..], [Outcome::Unreadable(_)]), "{outcomes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn f11_what_a_thin_line_takes_seconds_for_arrives_all_the_same() {
    let mut lab = Lab::new(53);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let at = agreed(&nodes).await;
    let (leader, thin) = (&nodes[at], &nodes[(at + 1) % 3]);
    let term = leader.view().term;
    // One command takes three seconds, and a follower may be silent for two.
    let line = LinkSettings { bandwidth: Some(100_000), ..LinkSettings::default() };
    lab.net.set_link(leader.instance.me(), thin.instance.me(), line);
    weigh_down(leader, 4).await;
    give(&nodes, 2).await;
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
    assert_eq!(leader.view().term, term, "nobody is deposed for it");
}

#[tokio::test(start_paused = true)]
async fn the_log_behind_a_snapshot_is_bounded_by_bytes_too() {
    let mut lab = Lab::new(51);
    let node = lab.start_told(1, GroupSettings::new(Voters::Count(1)), &["numbers"]).await;
    node.until("it leads", |view| view.is_leader).await;
    weigh_down(&node, 12).await;
    let log = node.instance.0.parts.store.reader(node.instance.subject().item);
    let size = async || {
        let entries = log.read(0..u64::MAX, usize::MAX).await.expect("it reads");
        entries.iter().map(|entry| entry.size()).sum::<usize>()
    };
    let bounded = async {
        while size().await > 2 << 20 {
            sleep(STEP).await;
        }
    };
    if timeout(LONG, bounded).await.is_err() {
        panic!("{} bytes of twelve times 300 KiB are left", size().await);
    }
    assert!(size().await > 0, "what no snapshot has stays");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_a_deposed_leader_is_not_pulled() {
    use crate::groups::{
        store::record::{ChunkHash, LogId, Manifest, Membership, Vote},
        wire::{Request, Response},
    };
    let mut lab = Lab::new(52);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let node = nodes.iter().find(|node| !node.view().is_leader).expect("two of three follow");
    let (view, running) = (node.view(), node.instance.running().expect("it takes part"));
    let from = view.leader.expect("somebody leads");
    let offer = |term| Request::Snapshot {
        to: running.member,
        from,
        vote: Vote { term, member: from, committed: true },
        manifest: Manifest {
            last: Some(LogId { term, index: 10_000 }),
            membership_at: None,
            membership: Membership::default(),
            bytes: 5,
            chunks: vec![ChunkHash::of(b"chunk")],
        },
    };
    let answer = running.server.answer(from.peer, offer(view.term - 1)).await;
    let Response::Installed { vote } = answer else { panic!("{answer:?}") };
    assert_eq!(vote.term, view.term, "it learns that it was deposed");
    let answer = running.server.answer(from.peer, offer(view.term)).await;
    assert!(
        matches!(answer, Response::Pulling { .. } | Response::Refused(_)),
        "the leader is heard: {answer:?}"
    );
    let failed = |view: &InstanceView| view.catch_up.as_ref().and_then(|catch_up| catch_up.failed.clone());
    let why = failed(&node.until("nobody has its chunk", |view| failed(view).is_some()).await);
    assert!(why.as_ref().is_some_and(|why| why.contains("gives chunk")), "{why:?}");
}
