//! Faults of the network and of disks, each by its label: what they may cost a group.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::*;
use crate::groups::settings::{Leads, Storage};

/// Twice the longest time to an election, and the time of the lease before it.
const TWO_ELECTIONS: Duration = Duration::from_millis(3 * 900);
/// A node that says nothing is lost after 15 s.
const LOST: Duration = Duration::from_secs(16);

fn of(count: u8) -> GroupSettings {
    GroupSettings::new(Voters::Count(count))
}

/// Lets time pass, and enters who led in which term: never two in one.
async fn watch(nodes: &[Node], time: Duration, leaders: &mut BTreeMap<u64, PeerId>) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        for view in
            nodes.iter().map(|node| (node.view(), node.instance.me())).filter(|(view, _)| view.is_leader)
        {
            let before = leaders.insert(view.0.term, view.1);
            assert!(before.is_none_or(|before| before == view.1), "two lead in term {}", view.0.term);
        }
        sleep(STEP).await;
    }
}

/// Two on each side and one that hears all: with it each side is a majority whose members all hear each other.
#[tokio::test(start_paused = true)]
async fn f7_a_bridge_between_two_halves_keeps_the_group_going_under_one_leader() {
    for bridge in [0, 3] {
        let mut lab = Lab::new(71 + bridge);
        let nodes = lab.many(5, &of(5)).await;
        give(&nodes, 0).await;
        agreed(&nodes).await;
        let me = |n: u64| nodes[n as usize % 5].instance.me();
        lab.net.partition(&[me(bridge + 1), me(bridge + 2)], &[me(bridge + 3), me(bridge + 4)]);
        let mut leaders = BTreeMap::new();
        for number in 1..=10 {
            let begun = Instant::now();
            give(&nodes, number).await;
            assert!(begun.elapsed() < Duration::from_secs(3), "a commit took {:?}", begun.elapsed());
            watch(&nodes, Duration::from_secs(1), &mut leaders).await;
        }
        assert!(leaders.len() <= 3, "bridge {bridge}: {} leaders in ten seconds", leaders.len());
        lab.net.heal();
        settled(&nodes, &[1, 2, 3, 4, 5], &(0..=10).collect::<Vec<_>>()).await;
    }
}

/// Everybody hears two others only: no majority hears all of itself, and yet each has one.
#[tokio::test(start_paused = true)]
async fn f7_a_ring_goes_on_and_changes_its_leader_a_few_times_at_most() {
    let mut lab = Lab::new(76);
    let nodes = lab.many(5, &of(5)).await;
    give(&nodes, 0).await;
    agreed(&nodes).await;
    let me = |n: usize| nodes[n % 5].instance.me();
    for n in 0..5 {
        lab.net.partition(&[me(n)], &[me(n + 2)]);
    }
    let mut leaders = BTreeMap::new();
    for number in 1..=10 {
        give(&nodes, number).await;
        watch(&nodes, Duration::from_secs(1), &mut leaders).await;
    }
    assert!(leaders.len() <= 5, "{} leaders in ten seconds", leaders.len());
    lab.net.heal();
    settled(&nodes, &[1, 2, 3, 4, 5], &(0..=10).collect::<Vec<_>>()).await;
}

/// It acknowledges nothing from then on, the others elect another one, and it is not online once they are lost to it.
#[tokio::test(start_paused = true)]
async fn f7_a_leader_that_hears_no_majority_is_replaced_within_two_elections() {
    let mut lab = Lab::new(77);
    let nodes = lab.many(5, &of(5)).await;
    give(&nodes, 0).await;
    let at = agreed(&nodes).await;
    let (all, term): (Vec<_>, _) =
        (nodes.iter().map(|node| node.instance.me()).collect(), nodes[at].view().term);
    let (alone, friend) = (all[at], all[(at + 1) % 5]);
    let rest: Vec<_> = all.iter().copied().filter(|peer| ![alone, friend].contains(peer)).collect();
    lab.net.partition(&[alone], &rest);
    let cut = Instant::now();
    let led = |node: &Node| node.view().is_leader && node.view().term > term;
    let replaced = async {
        while !nodes.iter().any(led) {
            sleep(STEP).await;
        }
        cut.elapsed()
    };
    let replaced = timeout(LONG, replaced).await.expect("the others, and its friend, are a majority");
    assert!(replaced <= TWO_ELECTIONS, "after {replaced:?}");
    give(&nodes, 1).await;

    // The friend goes too: nobody tells the old leader any more.
    let mut lab = Lab::new(77);
    let nodes = lab.many(5, &of(5)).await;
    give(&nodes, 0).await;
    let at = agreed(&nodes).await;
    lab.net.partition(&[alone, friend], &rest);
    let cut = Instant::now();
    let given = timeout(Duration::from_secs(5), nodes[at].give(66)).await;
    assert!(!matches!(given, Ok(Ok(_))), "{given:?}");
    nodes[at].until("it says so", |view| !view.is_online()).await;
    assert!(cut.elapsed() <= LOST, "it took itself for online for {:?}", cut.elapsed());
}

#[tokio::test(start_paused = true)]
async fn f8_a_flapping_link_changes_the_leader_once_a_flap_and_leaves_nothing_behind() {
    let mut lab = Lab::new(78);
    let nodes = lab.many(3, &three()).await;
    give(&nodes, 0).await;
    settled(&nodes, &[1, 2, 3], &[0]).await;
    let at = agreed(&nodes).await;
    sleep(Duration::from_secs(120)).await;
    let tasks = || nodes.iter().map(|node| node.scope.running()).sum::<usize>();
    let (connections, running, term) = (lab.net.connections(), tasks(), nodes[at].view().term);
    let (leader, follower) = (nodes[at].instance.me(), nodes[(at + 1) % 3].instance.me());
    let flaps = 12;
    for number in 1..=flaps {
        lab.net.partition(&[leader], &[follower]);
        sleep(Duration::from_secs(1 + number % 3 * 10)).await;
        lab.net.heal();
        give(&nodes, number).await;
        sleep(Duration::from_secs(2)).await;
    }
    settled(&nodes, &[1, 2, 3], &(0..=flaps).collect::<Vec<_>>()).await;
    let changes = nodes[agreed(&nodes).await].view().term - term;
    assert!(changes <= flaps, "{changes} terms in {flaps} flaps");
    sleep(Duration::from_secs(120)).await;
    let (now, left) = (lab.net.connections(), tasks());
    assert!(now <= connections + 1, "{connections} connections before, {now} after");
    assert!(left <= running + 3, "{running} tasks before, {left} after");
}

/// How long commits take where this node leads: the slowest of twenty.
async fn slowest(instances: &[&Instance]) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        let begun = Instant::now();
        let given = async {
            loop {
                for instance in instances.iter().filter(|instance| instance.view().borrow().is_leader) {
                    if give_to(instance, number).await.is_ok() {
                        return;
                    }
                }
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(LONG, given).await.expect("somebody takes it");
        slowest = slowest.max(begun.elapsed());
    }
    slowest
}

/// One disk stalls for 300 ms at each flush. A group that one of the others leads does not notice, though one of its voters is there and
/// shares the store of that node; a group that is led there goes on, slower or elsewhere.
#[tokio::test(start_paused = true)]
async fn f15_a_slow_disk_slows_no_other_group() {
    let mut lab = Lab::new(79);
    let durable = GroupSettings { storage: Storage::Durable, ..three() };
    let voters = |numbers: [u8; 3]| {
        let list = numbers.into_iter().map(Lab::peer).collect();
        GroupSettings { voters: Voters::List(list), ..durable.clone() }
    };
    let nodes = lab.many(4, &voters([1, 2, 3])).await;
    let mut others = Vec::new();
    for (at, leads) in [(0, Leads::Never), (2, Leads::Normal), (3, Leads::Normal)] {
        let settings = GroupSettings { leads, ..voters([1, 3, 4]) };
        others.push(open_named(&nodes[at].hub, "others", settings).await.expect("it opens").0);
    }
    let theirs: Vec<&Instance> = others.iter().collect();
    slowest(&theirs).await;
    let before = slowest(&theirs).await;
    give(&nodes, 0).await;
    lab.disks[1].set_slow(Duration::from_millis(300));
    let ours: Vec<&Instance> = nodes[..3].iter().map(|node| &node.instance).collect();
    let (after, with_it) = futures::join!(slowest(&theirs), slowest(&ours));
    println!("others {before:?} before and {after:?} beside; with the slow disk {with_it:?}");
    assert!(after <= before * 2, "{before:?} before, {after:?} beside a slow disk");
    assert!(with_it < Duration::from_secs(3), "{with_it:?} where the slow disk votes");
}
