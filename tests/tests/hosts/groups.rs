//! Members of a group on hosts of their own, of which one moves.

use std::time::Duration;

use mosaik_tests::programs::Running;
use tokio::time::Instant;

use crate::{
    CLERK, LATE,
    world::{Host, Switch, World},
};

/// F12 allows so much.
const MOVED: Duration = Duration::from_secs(10);

/// Three clerks on hosts 1 to 3; the first is where the others ask.
fn clerks(world: &mut World, net: &Switch, life: &str) -> (Vec<Host>, Vec<Running>) {
    let hosts: Vec<_> =
        ["one", "two", "three"].into_iter().zip(1..).map(|(name, n)| world.host_on(net, name, n)).collect();
    let id = hosts[0].key();
    let place = |n: usize| match n {
        0 => "--bind 0.0.0.0:4000 --secret-key-file key".to_owned(),
        _ => format!("--bootstrap {id}@10.0.1.1:4000"),
    };
    let start = |(n, host): (usize, &Host)| {
        host.start(CLERK, &format!("--reach lan --mdns off --data-dir rolls --life {life}{n} {}", place(n)))
    };
    let mut clerks: Vec<_> = hosts.iter().enumerate().map(start).collect();
    clerks.iter_mut().for_each(|clerk| drop(clerk.says("in ", LATE)));
    (hosts, clerks)
}

/// For so long every clerk gets something in, with no longer a pause than `pause`.
fn go_on(clerks: &mut [Running], pause: Duration, time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        clerks.iter_mut().for_each(|clerk| drop(clerk.says("in ", pause)));
    }
}

#[test]
fn f12_a_member_goes_on_within_ten_seconds_after_its_host_moved() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let (mut hosts, mut clerks) = clerks(&mut world, &net, "clerk");
    // One of them leads; the others find the first under its old address no more.
    for (host, from) in hosts.iter_mut().zip(1..) {
        host.readdress(&net, from, from + 20);
        go_on(&mut clerks, MOVED, MOVED + Duration::from_secs(2));
    }
    drop(clerks);
    world.nothing_left();
}
