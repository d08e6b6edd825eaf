//! Members that are far apart: the group stands the round trip that it declares, and somebody is told where that is too little.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::*;
use crate::{
    groups::{client::read_index, timing::Timing},
    transport::sim::LinkSettings,
};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The last number that is given before the group is left alone.
const LAST: u64 = 25;

/// How the members of a group are apart.
#[derive(Clone, Copy)]
struct Ways {
    seed: u64,
    /// There and back, in the middle.
    round_trip: Duration,
    jitter: f64,
    loss: f64,
    /// What the group declares.
    declared: Duration,
}

impl Ways {
    /// Ways as long as the group declares, all alike.
    fn as_declared(seed: u64, round_trip: Duration) -> Self {
        Self { seed, round_trip, jitter: 0.0, loss: 0.0, declared: round_trip }
    }

    fn settings(self) -> GroupSettings {
        GroupSettings { round_trip: self.declared, ..three() }
    }

    fn timing(self) -> Timing {
        Timing::of(self.declared)
    }

    /// Within this somebody else leads, and has committed something: with losses an election may have to be tried again.
    fn fails_over_within(self) -> Duration {
        let once = self.timing().phase() + self.declared * 4;
        if self.loss > 0.0 { once * 2 } else { once }
    }

    async fn start(self) -> (Lab, Vec<Node>) {
        let mut lab = Lab::new(self.seed);
        let latency = self.round_trip / 2;
        lab.net.set_links(LinkSettings {
            latency,
            jitter: self.jitter,
            loss: self.loss,
            ..LinkSettings::default()
        });
        let nodes = lab.many(3, &self.settings()).await;
        (lab, nodes)
    }

    async fn give(self, nodes: &[Node], number: u64) {
        give_within(nodes, number, self.timing().answer()).await;
    }
}

/// A strong read on one node sees these numbers.
async fn reads(node: &Node, numbers: &[u64]) {
    let index = loop {
        if let Some(index) = read_index(node.instance.clone()).await {
            break index;
        }
        sleep(STEP).await;
    };
    let mut applied = node.instance.reading().applied();
    let there = timeout(LONG, applied.wait_for(|applied| applied.has(index))).await;
    there.expect("it follows").expect("it lives");
    assert_eq!(node.numbers().await, numbers);
}

/// The life of a group: born, at work, left alone, parked and woken, one more member, and without its leader.
async fn lives(ways: Ways) {
    let (mut lab, mut nodes) = ways.start().await;
    ways.give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    let (at, term) = (agreed(&nodes).await, nodes[0].view().term);
    assert!(term <= 3, "elected in term {term}");

    // Minutes at work; not long enough between two commands to be parked.
    for number in 2..=LAST {
        sleep(Duration::from_secs(6)).await;
        ways.give(&nodes, number).await;
        reads(&nodes[(at + 1) % 3], &(1..=number).collect::<Vec<_>>()).await;
        assert_eq!(
            (agreed(&nodes).await, nodes[at].view().term),
            (at, term),
            "nobody is deposed for the distance"
        );
    }

    // Nobody uses it: it is parked, and stays as it is until it is used.
    for node in &nodes {
        node.until("it is parked", |view| view.parked).await;
    }
    sleep(Duration::from_secs(60)).await;
    let begin = Instant::now();
    ways.give(&nodes, LAST + 1).await;
    assert!(
        begin.elapsed() < ways.round_trip * 4 + ways.timing().answer().mul_f64(ways.loss.ceil()) + ms(100),
        "{:?}",
        begin.elapsed()
    );
    for node in &nodes {
        node.until("it is awake", |view| !view.parked).await;
    }
    assert_eq!((agreed(&nodes).await, nodes[at].view().term), (at, term), "waking deposes nobody");

    // One more.
    nodes.push(lab.start(4, ways.settings()).await);
    let begin = Instant::now();
    let all: Vec<_> = (1..=LAST + 1).collect();
    settled(&nodes, &[1, 2, 3], &all).await;
    assert!(begin.elapsed() < Duration::from_secs(10) + ways.fails_over_within(), "{:?}", begin.elapsed());
    reads(&nodes[3], &all).await;
    assert_eq!(nodes[at].view().term, term, "a newcomer deposes nobody");

    // The leader is lost.
    lab.crash(at as u8 + 1, nodes.remove(at)).await;
    let begin = Instant::now();
    ways.give(&nodes, LAST + 2).await;
    let within = begin.elapsed();
    println!("{:?} there and back: another one had committed after {within:?}", ways.round_trip);
    assert!(within < ways.fails_over_within(), "{within:?}");
    let all: Vec<_> = (1..=LAST + 2).collect();
    for node in &nodes {
        reads(node, &all).await;
    }
    for node in &nodes {
        assert_eq!((&*node.view().far, &*node.view().round_trips), (&BTreeMap::new(), &BTreeMap::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn f10_a_group_works_over_100_ms_that_it_declares() {
    lives(Ways::as_declared(101, ms(100))).await;
}

#[tokio::test(start_paused = true)]
async fn f10_a_group_works_over_800_ms_that_it_declares() {
    lives(Ways::as_declared(102, ms(800))).await;
}

#[tokio::test(start_paused = true)]
async fn f10_a_group_works_over_the_longest_ways_that_can_be_declared() {
    lives(Ways::as_declared(103, Duration::from_secs(2))).await;
}

/// Frames stray by a fifth, and one of a hundred comes late.
#[tokio::test(start_paused = true)]
async fn f10_a_group_works_over_long_ways_that_stray_and_lose_frames() {
    for (seed, millis) in [(104, 100), (105, 400), (106, 800)] {
        let round_trip = ms(millis).mul_f64(1.0 / 1.2);
        lives(Ways { seed, round_trip, jitter: 0.2, loss: 0.01, declared: ms(millis) }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn f10_every_group_works_over_60_ms() {
    lives(Ways::as_declared(107, ms(60))).await;
    lives(Ways { jitter: 0.2, ..Ways::as_declared(108, ms(60)) }).await;
}

/// A leader that is parked, and lost.
#[tokio::test(start_paused = true)]
async fn f10_the_loss_of_a_parked_leader_is_noticed_from_afar() {
    let ways = Ways::as_declared(109, ms(800));
    let (mut lab, mut nodes) = ways.start().await;
    ways.give(&nodes, 1).await;
    for node in &nodes {
        node.until("it is parked", |view| view.parked).await;
    }
    let at = agreed(&nodes).await;
    lab.crash(at as u8 + 1, nodes.remove(at)).await;
    let begin = Instant::now();
    ways.give(&nodes, 2).await;
    let noticed = ms(500) + ways.timing().pulse() * 2;
    assert!(begin.elapsed() < noticed + ways.fails_over_within(), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_is_farther_than_declared_is_named() {
    let ways = Ways { declared: ms(60), ..Ways::as_declared(110, ms(70)) };
    let (lab, nodes) = ways.start().await;
    ways.give(&nodes, 1).await;
    for node in &nodes {
        let view = node.until("it names the others", |view| view.far.len() == 2).await;
        assert!(!view.far.contains_key(&node.instance.me()));
        assert!(view.far.values().all(|rtt| *rtt == ms(70)), "{:?}", view.far);
    }
    // They come nearer.
    lab.net.set_links(LinkSettings { latency: ms(10), jitter: 0.0, ..LinkSettings::default() });
    for node in &nodes {
        node.until("it names nobody", |view| view.far.is_empty()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_declares_another_round_trip_is_named() {
    let mut lab = Lab::new(111);
    let mut nodes = lab.many(2, &three()).await;
    nodes.push(lab.start(3, GroupSettings { round_trip: ms(200), ..three() }).await);
    let other = nodes[2].instance.me();
    for node in &nodes[..2] {
        let view = node.until("it names the third", |view| !view.round_trips.is_empty()).await;
        assert_eq!(*view.round_trips, BTreeMap::from([(other, ms(200))]));
    }
    let view = nodes[2].until("it names the others", |view| view.round_trips.len() == 2).await;
    assert!(view.round_trips.values().all(|theirs| *theirs == ms(60)));
    // It is no reason not to work together.
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    // The third comes back with what the others say.
    let third = nodes.remove(2);
    lab.crash(3, third).await;
    nodes.push(lab.start(3, three()).await);
    for node in &nodes {
        node.until("all say the same", |view| view.round_trips.is_empty() && view.is_online()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_round_trip_that_no_group_stands_is_refused() {
    let mut lab = Lab::new(112);
    let node = lab.start(1, three()).await;
    for (number, millis) in [(0, 59), (1, 2001)] {
        let settings = GroupSettings { round_trip: ms(millis), ..three() };
        let refused =
            open_named(&node.hub, &format!("other{number}"), settings).await.expect_err("out of range");
        assert!(refused.to_string().contains("60 ms to 2 s"), "{refused}");
    }
    let settings = GroupSettings { round_trip: ms(800), ..three() };
    let refused = open(&node.hub, settings).await.expect_err("it is open otherwise");
    assert!(refused.to_string().contains("`round_trip` is 800ms here and 60ms there"), "{refused}");
}
