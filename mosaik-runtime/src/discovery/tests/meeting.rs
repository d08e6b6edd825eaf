//! Two nodes find each other: by the rendezvous, by a seed, over both backends.

use std::time::Duration;

use super::*;
use crate::discovery::Change;
use futures::StreamExt;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn two_nodes_meet_by_a_seed_in_the_simulator() {
    let net = Net::new(1);
    let one = Plan::new(1).on_net(&net).await;
    let two = Plan::new(2).seed(&one).on_net(&net).await;
    let start = Instant::now();
    one.until_knows(two.id()).await;
    two.until_knows(one.id()).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_nodes_meet_in_the_simulators_directory() {
    let net = Net::new(2);
    let one = Plan::new(1).meeting(Rendezvous::Sim(net.clone())).on_net(&net).await;
    let two = Plan::new(2).meeting(Rendezvous::Sim(net.clone())).on_net(&net).await;
    one.until_knows(two.id()).await;
    two.until_knows(one.id()).await;
}

#[cfg(feature = "iroh")]
#[tokio::test]
async fn two_real_nodes_meet_in_a_directory_well_under_a_second() {
    let folder = Folder::new("meet");
    let place = || Rendezvous::Directory(folder.0.clone());
    let one = Plan::new(1).meeting(place()).on(Backend::Iroh).await;
    let two = Plan::new(2).meeting(place()).on(Backend::Iroh).await;
    let start = Instant::now();
    one.until_knows(two.id()).await;
    two.until_knows(one.id()).await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[cfg(feature = "iroh")]
#[tokio::test]
async fn two_real_nodes_meet_by_a_seed() {
    let one = Plan::new(1).on(Backend::Iroh).await;
    let two = Plan::new(2).seed(&one).on(Backend::Iroh).await;
    one.until_knows(two.id()).await;
    two.until_knows(one.id()).await;
}

#[tokio::test(start_paused = true)]
async fn a_seed_that_starts_later_is_found_and_its_absence_told() {
    let net = Net::new(3);
    let early = net.port(id(1));
    let seed = PeerAddr { id: id(1), addresses: vec![early.address()] };
    let mut plan = Plan::new(2);
    plan.seeds.push(seed);
    let two = plan.on_net(&net).await;
    let mut events = two.discovery.events();
    let told = within(Duration::from_secs(30), events.recv()).await;
    assert!(
        matches!(told, Ok(crate::discovery::Event::SeedUnreachable { peer, .. }) if peer == id(1)),
        "{told:?}"
    );
    let one = Plan::new(1).on(Backend::Sim(early)).await;
    two.until_knows(one.id()).await;
}

#[tokio::test(start_paused = true)]
async fn changes_begin_with_who_is_there_and_miss_no_difference() {
    let net = Net::new(4);
    let one = Plan::new(1).on_net(&net).await;
    let two = Plan::new(2).seed(&one).on_net(&net).await;
    one.until_knows(two.id()).await;
    let mut changes = one.discovery.changes();
    let first: Vec<_> = changes.by_ref().take(2).collect().await;
    assert!(first.iter().all(|change| matches!(change, Change::Joined(_))), "{first:?}");
    for n in 0..300 {
        two.discovery.tags().insert(tag(&format!("t{n}"))).expect("room");
        two.discovery.tags().remove(&tag(&format!("t{n}")));
    }
    two.discovery.tags().insert(tag("last")).expect("room");
    let seen = async {
        while let Some(change) = changes.next().await {
            if matches!(&change, Change::Updated { after, .. } if after.entry.tags.contains("last")) {
                return;
            }
        }
    };
    within(Duration::from_secs(30), seen).await;
}
