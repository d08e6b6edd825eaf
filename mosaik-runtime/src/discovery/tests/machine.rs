//! What is on this machine: entries and their limit, the rendezvous directory, the data directory.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    time::Duration,
};

use super::*;
use crate::{
    discovery::{
        Event, RendezvousError, RoleEntry, StartError,
        entry::{Entry, MAX_ENTRY},
        remembered::DataDir,
        rendezvous::{Files, Look, Met, directory::prepare},
        signed::Signed,
    },
    primitives::{Fingerprint, PeerRole, StreamId, Version},
};

fn role(intent: &str) -> RoleEntry {
    let (role, item) = (PeerRole::Produces, StreamId::derive(intent).on(&network()));
    RoleEntry { role, item, schema: Fingerprint([1; 16]) }
}

fn signed(n: u8, boot: u128, counter: u64) -> Signed {
    let (addresses, tags, roles, protocols, extensions) = Default::default();
    let version = Version { incarnation: 1, counter };
    let entry = Entry { version, boot: BootId(boot), addresses, tags, roles, protocols, extensions };
    Signed::entry(&key(n), network(), &entry).expect("small")
}

#[tokio::test(start_paused = true)]
async fn ld3_a_large_entry_is_an_error_where_it_is_made_and_changes_nothing() {
    let net = Net::new(50);
    let one = Plan::new(1).on_net(&net).await;
    let two = Plan::new(2).seed(&one).on_net(&net).await;
    let mut count = 0;
    let error = loop {
        match one.discovery.tags().insert(tag(&format!("{count:0>64}"))) {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
    };
    assert!(error.size > MAX_ENTRY && error.to_string().contains("16384"), "{error}");
    assert_eq!(one.discovery.tags().list().len(), count);
    assert!(one.discovery.advertise(role("a")).is_err() || count < 250);
    // All that was accepted travels, in one entry.
    let me = one.id();
    two.until(move |catalog| catalog.get(&me).is_some_and(|peer| peer.entry.tags.len() == count)).await;
}

#[tokio::test(start_paused = true)]
async fn ld10_the_last_advert_that_is_dropped_takes_the_role_with_it() {
    let net = Net::new(51);
    let one = Plan::new(1).on_net(&net).await;
    let two = Plan::new(2).seed(&one).on_net(&net).await;
    let role = role("host.load");
    let item = role.item;
    let seen = move |catalog: &Catalog| catalog.with_role(PeerRole::Produces, &item).count();
    let first = one.discovery.advertise(role).expect("room");
    let second = one.discovery.advertise(role).expect("room");
    two.until(move |catalog| seen(catalog) == 1).await;
    drop(first);
    pass(5).await;
    assert_eq!(seen(&two.catalog()), 1);
    drop(second);
    two.until(move |catalog| seen(catalog) == 0).await;
    assert!(one.discovery.view(&one.id()).roles.is_some_and(|roles| roles.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn tags_change_at_run_time_and_views_follow() {
    let net = Net::new(52);
    let one = Plan::new(1).on_net(&net).await;
    let two = Plan::new(2).seed(&one).on_net(&net).await;
    let me = one.id();
    assert!(one.discovery.tags().insert(tag("blue")).expect("room"));
    two.until(move |catalog| catalog.get(&me).is_some_and(|peer| peer.entry.tags.contains("blue"))).await;
    let view = two.discovery.view(&me);
    assert!(view.tags.is_some_and(|tags| tags.contains("blue")) && view.rtt.is_some());
    assert!(one.discovery.tags().remove(&tag("blue")));
    two.until(move |catalog| catalog.get(&me).is_some_and(|peer| !peer.entry.tags.contains("blue"))).await;
    assert_eq!(two.discovery.view(&id(77)).tags, None);
}

fn entries(found: &[Met]) -> Vec<PeerId> {
    let entry =
        |met: &Met| if let Met::Entry { statement, .. } = met { Some(statement.about()) } else { None };
    found.iter().filter_map(entry).collect()
}

#[test]
fn a_file_whose_node_is_gone_is_known_stale_at_once() {
    let folder = Folder::new("stale");
    let open = |n| Files::open(&folder.0, network(), id(n)).expect("it opens").expect("it is free");
    let (mut one, mut two) = (open(1), open(2));
    two.publish(&signed(2, 22, 0)).expect("written");
    assert_eq!(entries(&one.look(&network(), Look::All)), [id(2)]);
    assert!(one.look(&network(), Look::All).is_empty(), "nothing is told twice");
    two.publish(&signed(2, 22, 1)).expect("written");
    assert_eq!(entries(&one.look(&network(), Look::Changes)), [id(2)]);
    // A process that ends lets go of its locks, whatever ends it.
    drop(two);
    let found = one.look(&network(), Look::All);
    assert!(matches!(found[..], [Met::Gone { peer, boot: BootId(22) }] if peer == id(2)), "{found:?}");
    assert_eq!(fs::read_dir(folder.0.join(network().to_string())).expect("a folder").count(), 0);
}

fn gone(found: &[Met]) -> Vec<PeerId> {
    let gone = |met: &Met| if let Met::Gone { peer, .. } = met { Some(*peer) } else { None };
    found.iter().filter_map(gone).collect()
}

#[test]
fn a_node_tries_the_locks_of_those_that_follow_it_and_of_those_in_doubt() {
    let folder = Folder::new("ring");
    let open = |n| Files::open(&folder.0, network(), id(n)).expect("it opens").expect("it is free");
    let (mut one, mut others) = (open(1), std::collections::BTreeMap::new());
    for n in 2..=8 {
        let mut files = open(n);
        files.publish(&signed(n, n.into(), 0)).expect("written");
        others.insert(id(n), files);
    }
    assert_eq!(entries(&one.look(&network(), Look::Locks)).len(), 7);
    // In the order of ids, beginning after this node's.
    let (before, after): (Vec<_>, Vec<_>) = others.keys().copied().partition(|peer| *peer < id(1));
    let ring = [after, before].concat();
    others.remove(&ring[5]);
    assert!(gone(&one.look(&network(), Look::Locks)).is_empty(), "three that live come before it");
    one.doubt(ring[5]);
    assert_eq!(gone(&one.look(&network(), Look::Changes)), [ring[5]]);
    // Whoever is dead is not counted: all that died with it are found at one look.
    ring[..5].iter().for_each(|peer| drop(others.remove(peer)));
    assert_eq!(gone(&one.look(&network(), Look::Locks)), ring[..5]);
    assert!(one.look(&network(), Look::All).is_empty());
    // A file that another removed is missed where it was known.
    let last = ring[6];
    fs::remove_file(folder.0.join(network().to_string()).join(last.to_string())).expect("removed");
    assert_eq!(gone(&one.look(&network(), Look::Changes)), [last]);
}

#[test]
fn a_live_node_keeps_its_file_and_its_key() {
    let folder = Folder::new("mine");
    let mut one = Files::open(&folder.0, network(), id(1)).expect("it opens").expect("it is free");
    one.publish(&signed(1, 11, 0)).expect("written");
    assert!(Files::open(&folder.0, network(), id(1)).expect("it opens").is_none(), "the key is in use");
    let path = folder.0.join(network().to_string()).join(id(1).to_string());
    fs::remove_file(&path).expect("removed by somebody");
    one.look(&network(), Look::All);
    assert!(path.exists(), "it is written again");
    one.withdraw();
    assert!(!path.exists());
    assert!(Files::open(&folder.0, network(), id(1)).expect("it opens").is_some());
}

#[test]
fn h4_files_that_are_forged_foreign_or_linked_are_not_believed() {
    let folder = Folder::new("forged");
    let mut one = Files::open(&folder.0, network(), id(1)).expect("it opens").expect("it is free");
    let mut two = Files::open(&folder.0, network(), id(2)).expect("it opens").expect("it is free");
    // The entry of one under the name of another, held locked by a live process.
    two.publish(&signed(3, 33, 0)).expect("written");
    assert!(entries(&one.look(&network(), Look::All)).is_empty());
    two.publish(&signed(2, 22, 0)).expect("written");
    let inside = folder.0.join(network().to_string());
    fs::write(inside.join(id(4).to_string()), b"garbage").expect("written");
    // A sound file elsewhere, held locked by its node, and a link to it.
    let elsewhere = Folder::new("elsewhere");
    let mut five = Files::open(&elsewhere.0, network(), id(5)).expect("it opens").expect("it is free");
    five.publish(&signed(5, 55, 0)).expect("written");
    let target = elsewhere.0.join(network().to_string()).join(id(5).to_string());
    symlink(target, inside.join(id(5).to_string())).expect("a link");
    fs::create_dir(inside.join(id(6).to_string())).expect("a directory");
    fs::write(inside.join("notes.txt"), b"not a node").expect("written");
    assert_eq!(entries(&one.look(&network(), Look::All)), [id(2)]);
}

#[test]
fn a_directory_that_others_could_touch_is_refused() {
    let folder = Folder::new("modes");
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).expect("changed");
    let error = prepare(&folder.0).expect_err("it is open to others");
    assert!(matches!(error, RendezvousError::Open { mode: 0o755, .. }), "{error}");
    assert!(error.to_string().contains("chmod 700"), "{error}");
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).expect("changed");
    assert!(prepare(&folder.0).is_ok());
    let link = folder.0.join("link");
    symlink(&folder.0, &link).expect("a link");
    assert!(matches!(prepare(&link), Err(RendezvousError::NotADirectory { .. })));
    let made = folder.0.join("made");
    prepare(&made).expect("it is made");
    assert_eq!(fs::metadata(&made).expect("there").permissions().mode() & 0o777, 0o700);
    assert!(matches!(prepare(&folder.0.join("a/b")), Err(RendezvousError::Io { .. })));
}

#[cfg(feature = "iroh")]
#[tokio::test]
async fn a_second_live_node_with_the_same_key_is_refused_at_the_start() {
    let folder = Folder::new("twice");
    let place = || Rendezvous::Directory(folder.0.clone());
    let one = Plan::new(1).meeting(place()).on(Backend::Iroh).await;
    let plan = Plan::new(1).meeting(place());
    let refused = Discovery::start(one.transport.clone(), plan.settings(&Scope::new()));
    assert!(matches!(refused, Err(StartError::IdentityInUse)), "{refused:?}");
}

#[cfg(feature = "iroh")]
#[tokio::test]
async fn a_killed_nodes_file_is_a_death_within_seconds() {
    let folder = Folder::new("killed");
    let place = || Rendezvous::Directory(folder.0.clone());
    let one = Plan::new(1).meeting(place()).on(Backend::Iroh).await;
    let two = Plan::new(2).meeting(place()).on(Backend::Iroh).await;
    one.until_knows(two.id()).await;
    let gone = two.id();
    two.scope.kill();
    drop(two);
    let start = tokio::time::Instant::now();
    one.until_without(gone).await;
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_second_node_on_a_data_directory_is_refused() {
    let (net, folder) = (Net::new(53), Folder::new("data"));
    let mut plan = Plan::new(1);
    plan.data_dir = Some(folder.0.clone());
    let one = plan.on_net(&net).await;
    let mut second = Plan::new(2);
    second.data_dir = Some(folder.0.clone());
    let refused = Discovery::start(one.transport.clone(), second.settings(&Scope::new()));
    let error = refused.expect_err("it is in use");
    assert!(matches!(error, StartError::DataDirInUse { .. }), "{error}");
    assert!(error.to_string().contains("--data-dir"), "{error}");
}

#[test]
fn the_incarnation_rises_at_each_start_and_damage_costs_only_what_was_damaged() {
    let folder = Folder::new("incarnation");
    let next = || DataDir::open(&folder.0).expect("it opens").next_incarnation().expect("it is written");
    assert_eq!([next(), next(), next()], [1, 2, 3]);
    let mut dir = DataDir::open(&folder.0).expect("it opens");
    dir.keep_incarnation(40).expect("written");
    dir.keep_incarnation(12).expect("ignored");
    drop(dir);
    assert_eq!(next(), 41);
    fs::write(folder.0.join("incarnation"), "not a number").expect("written");
    fs::write(folder.0.join("peers"), format!("garbage\n{}@127.0.0.1:9\n", id(2))).expect("written");
    let mut dir = DataDir::open(&folder.0).expect("it opens");
    assert_eq!(dir.next_incarnation().expect("written"), 1);
    assert_eq!(dir.peers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_with_a_data_directory_rejoins_without_a_bootstrap_peer() {
    let (net, folder) = (Net::new(54), Folder::new("rejoin"));
    let one = Plan::new(1).on_net(&net).await;
    let with_data = |boot| {
        let mut plan = Plan::new(2);
        (plan.data_dir, plan.boot) = (Some(folder.0.clone()), boot);
        plan
    };
    let two = with_data(2).seed(&one).on_net(&net).await;
    two.until_knows(one.id()).await;
    one.until_knows(two.id()).await;
    pass(40).await;
    let (first, former) = (two.discovery.version().incarnation, two.id());
    two.crash(&net).await;
    one.until_without(former).await;
    let start = tokio::time::Instant::now();
    let again = with_data(20).on_net(&net).await;
    again.until_knows(one.id()).await;
    // It is the one that remembers: the other dials who it lost every ten seconds only.
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    one.until(move |catalog| catalog.get(&former).is_some_and(|peer| peer.entry.boot == BootId(20))).await;
    assert_eq!(again.discovery.version().incarnation, first + 1);
}

#[tokio::test(start_paused = true)]
async fn a_data_directory_that_vanishes_is_told_of_and_survived() {
    let (net, folder) = (Net::new(55), Folder::new("vanish"));
    let one = Plan::new(1).on_net(&net).await;
    let mut plan = Plan::new(2).seed(&one);
    plan.data_dir = Some(folder.0.clone());
    let two = plan.on_net(&net).await;
    let mut events = two.discovery.events();
    fs::remove_dir_all(&folder.0).expect("removed by somebody");
    two.until_knows(one.id()).await;
    let told = async { while !matches!(events.recv().await, Ok(Event::NotRemembered { .. })) {} };
    within(Duration::from_secs(60), told).await;
    assert!(two.knows(one.id()));
}
