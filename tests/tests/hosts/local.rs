//! Hosts of one local network: multicast DNS, a seed, strangers beside them.

use std::time::Duration;

use mosaik_tests::programs::Running;
use tokio::time::Instant;

use crate::{LATE, ROLL, SENSORS, bound, world::World};

#[test]
fn lan_three_hosts_find_each_other_by_mdns_within_five_seconds() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let hosts: Vec<_> = (1..=3).map(|n| world.host_on(&net, &format!("h{n}"), n)).collect();
    let mut rolls: Vec<Running> = hosts.iter().map(|host| host.start(ROLL, "--reach lan")).collect();
    all_see_three(&mut rolls, bound(5));
    world.nothing_left();
}

/// All of them together have so long from now on.
fn all_see_three(rolls: &mut [Running], within: Duration) {
    let begun = Instant::now();
    for roll in rolls {
        roll.says("sees 3:", within.saturating_sub(begun.elapsed()));
    }
    println!("three hosts know each other after {:.2} s", begun.elapsed().as_secs_f64());
}

#[test]
fn lan_streams_flow_between_hosts_that_were_told_nothing() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let (here, there) = (world.host_on(&net, "here", 1), world.host_on(&net, "there", 2));
    let _sensor = here.start(SENSORS, "sensor --reach lan");
    let mut display = there.start(SENSORS, "display --reach lan");
    display.says("% cpu", bound(5));
    world.nothing_left();
}

#[test]
fn lan_one_gossip_seed_is_enough_across_hosts_within_three_seconds() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let hosts: Vec<_> = (1..=3).map(|n| world.host_on(&net, &format!("h{n}"), n)).collect();
    let seed = format!("{}@10.0.1.1:4000", hosts[0].key());
    let first = hosts[0].start(ROLL, "--reach lan --mdns off --bind 0.0.0.0:4000 --secret-key-file key");
    let others =
        hosts[1..].iter().map(|host| host.start(ROLL, &format!("--reach lan --mdns off --bootstrap {seed}")));
    let mut rolls: Vec<Running> = others.collect();
    rolls.insert(0, first);
    all_see_three(&mut rolls, bound(3));
    world.nothing_left();
}

#[test]
fn lan_a_peer_with_a_public_address_that_a_program_names_is_dialled() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("203.0.113");
    let (here, there) = (world.host_on(&net, "here", 1), world.host_on(&net, "there", 2));
    let seed = format!("{}@203.0.113.1:4000", here.key());
    let _here = here.start(ROLL, "--reach lan --mdns off --bind 0.0.0.0:4000 --secret-key-file key");
    let mut there = there.start(ROLL, &format!("--reach lan --mdns off --add {seed}"));
    there.says("sees 2:", bound(3));
    world.nothing_left();
}

#[test]
fn ld5_hosts_of_one_local_network_that_do_not_share_a_secret_do_not_meet() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let secrets = ["a".repeat(64), "b".repeat(64)];
    let mut rolls = Vec::new();
    let mut hosts = Vec::new();
    for (n, secret) in (1..).zip(secrets.iter().chain(&secrets)) {
        let host = world.host_on(&net, &format!("h{n}"), n);
        host.write("secret", secret);
        rolls.push(host.start(ROLL, "--reach lan --network-secret-file secret"));
        hosts.push(host);
    }
    let open = world.host_on(&net, "open", 9);
    let alone = open.start(ROLL, "--reach lan --for 6s");
    for roll in &mut rolls {
        roll.says("sees 2:", bound(5));
    }
    let said = alone.ended(LATE).out;
    assert!(said.contains("sees 1:") && !said.contains("sees 2:"), "{said}");
    for roll in rolls {
        roll.signal(rustix::process::Signal::INT);
        let said = roll.ended(LATE).out;
        assert!(!said.contains("sees 3:"), "{said}");
    }
    world.nothing_left();
}
