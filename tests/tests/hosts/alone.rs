//! A host that reaches nobody: it starts all the same, says what is missing, and uses it once it is there.

use crate::{DHT, LATE, RELAY, ROLL, bound, world::World};

#[test]
fn ld1_a_node_starts_within_a_second_without_any_network() {
    let Some(mut world) = World::new() else { return };
    let host = world.host("alone");
    for reach in ["lan", "internet", "internet --relay https://relay.example --dht router.example:6881"] {
        let mut roll = host.start(ROLL, &format!("--reach {reach}"));
        roll.says("here ", bound(1));
    }
}

#[test]
fn ld1_a_source_that_is_missing_is_told_and_used_once_it_is_there() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let (mut here, there) = (world.host("here"), world.host_on(&net, "there", 2));
    let mut late = here.start(ROLL, "--reach internet --relay http://10.0.1.99:3340 --dht 10.0.1.99:6881");
    let here_it_is = late.says("here ", bound(1));
    let id = here_it_is.trim_start_matches("here ").split('@').next().expect("its id").to_owned();
    late.says("event SourceTrouble { source: Relay", LATE);
    let _there = there.start(ROLL, "--reach lan");
    here.plug(&net, 1);
    late.says("sees 2:", LATE);
    // The servers come last: what was missing is used, and told.
    let server = world.host_on(&net, "server", 99);
    let mut relay = server.start(RELAY, "10.0.1.99:3340");
    let mut dht = server.start(DHT, "10.0.1.99 6881");
    relay.says("serving", LATE);
    dht.says("serving", LATE);
    late.until(2 * LATE, |said| said.contains("event SourceWorks { source: Relay"));
    // With a relay there is something to write into the DHT, which nobody reached before.
    dht.until(2 * LATE, |said| said.contains(&format!("stores {id}")));
    drop(late);
    world.nothing_left();
}
