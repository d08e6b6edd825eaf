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
    let (id, other) = (here.key(), there.key());
    let _here = here.start(ROLL, &format!("{far} --secret-key-file key"));
    let mut there = there.start(ROLL, &format!("{far} --secret-key-file key --bootstrap {id}"));
    there.says("sees 2:", LATE);
    // Both have their record there, each under its own key, and nothing else is stored: nothing under the network's name.
    let stored = |id: &str, said: &str| said.contains(&format!("stores {id}"));
    dht.until(LATE, |said| stored(&id, said) && stored(&other, said));
    let said = dht.said();
    let strange =
        |line: &&str| line.starts_with("stores ") && ![&id, &other].iter().any(|id| line.ends_with(*id));
    assert_eq!(said.lines().find(strange), None, "{said}");
    // Nor is it asked for anything but records: no list of those who announced themselves under some hash.
    let lists = |line: &&str| line.starts_with("asks ") && !line.starts_with("asks GetValue ");
    assert_eq!(said.lines().find(lists), None, "{said}");
    world.nothing_left();
}
