//! Hosts far from each other: relays, and peers of which only the id is known.

use crate::{DHT, LATE, RELAY, ROLL, SENSORS, bound, world::World};

/// The address of the host that all others can reach.
const SERVER: &str = "203.0.113.9";

#[test]
fn internet_hosts_without_a_path_between_them_talk_through_a_relay() {
    let Some(mut world) = World::new() else { return };
    let (west, east) = (world.switch("10.0.1"), world.switch("10.0.2"));
    let mut server = world.host_on(&west, "relay", 9);
    server.plug(&east, 9);
    server.ip(&format!("addr add {SERVER}/32 dev lo"));
    let (here, there) = (world.host_on(&west, "here", 1), world.host_on(&east, "there", 2));
    here.ip(&format!("route add {SERVER} via 10.0.1.9"));
    there.ip(&format!("route add {SERVER} via 10.0.2.9"));
    let mut relay = server.start(RELAY, &format!("{SERVER}:3340"));
    relay.says("serving", LATE);
    let url = format!("http://{SERVER}:3340");
    let far = format!("--reach internet --mdns off --dht none --relay {url}");
    let id = here.key();
    let _sensor = here.start(SENSORS, &format!("sensor {far} --secret-key-file key"));
    let mut display = there.start(SENSORS, &format!("display {far} --bootstrap {id}@relay:{url}"));
    // Each may try the address of the other's local network: such packets take the way out, and end there.
    display.says("% cpu", bound(10));
}

#[test]
fn internet_a_peer_id_is_enough_where_a_dht_knows_the_address() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("203.0.113");
    let server = world.host_on(&net, "server", 9);
    let (here, there) = (world.host_on(&net, "here", 1), world.host_on(&net, "there", 2));
    let mut dht = server.start(DHT, &format!("{SERVER} 6881"));
    dht.says("serving", LATE);
    let far = format!("--reach internet --mdns off --relay none --dht {SERVER}:6881");
    let id = here.key();
    let _here = here.start(ROLL, &format!("{far} --secret-key-file key"));
    let mut there = there.start(ROLL, &format!("{far} --bootstrap {id}"));
    there.says("sees 2:", LATE);
    world.nothing_left();
}
