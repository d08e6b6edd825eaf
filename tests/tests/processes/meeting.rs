//! Processes that find each other.

use std::net::UdpSocket;

use crate::programs::{Ended, LATE, NEWER, OLDER, Place, SENSORS, SOON};

#[test]
fn two_processes_without_an_address_meet_within_two_seconds() {
    let place = Place::new();
    let _sensor = place.start(SENSORS, "sensor");
    let mut display = place.start(SENSORS, "display");
    display.says("% cpu", SOON);
}

#[test]
fn the_order_of_starting_does_not_matter() {
    let place = Place::new();
    let mut display = place.start(SENSORS, "display");
    let _sensor = place.start(SENSORS, "sensor");
    display.says("% cpu", SOON);
}

#[test]
fn a_seed_is_enough_to_meet() {
    let (here, there) = (Place::new(), Place::new());
    let made = here.run(SENSORS, "keygen --secret-key-file key").out;
    let id = made.split_whitespace().last().expect("it ends with the peer id").to_owned();
    let port = free_port();
    let _sensor = here.start(SENSORS, &format!("sensor --secret-key-file key --bind 127.0.0.1:{port}"));
    let mut display = there.start(SENSORS, &format!("display --bootstrap {id}@127.0.0.1:{port}"));
    display.says("% cpu", SOON);
}

#[test]
fn a_killed_display_can_be_started_again() {
    let place = Place::new();
    let _sensor = place.start(SENSORS, "sensor");
    let mut display = place.start(SENSORS, "display");
    display.says("% cpu", SOON);
    drop(display);
    let mut again = place.start(SENSORS, "display");
    again.says("% cpu", SOON);
}

#[test]
fn a_closed_network_lets_in_who_knows_its_secret() {
    let place = Place::new();
    let secret = place.secret("secret");
    let _sensor = place.start(SENSORS, &format!("sensor --network-secret-file {secret}"));
    let mut display = place.start(SENSORS, &format!("display --network-secret-file {secret}"));
    display.says("% cpu", SOON);
}

#[test]
fn a_wrong_secret_is_told_on_both_sides() {
    let place = Place::new();
    let (one, other) = (place.secret("one"), place.secret("other"));
    let id = place.run(SENSORS, "keygen --secret-key-file key").out;
    let id = id.split_whitespace().last().expect("it ends with the peer id").to_owned();
    let port = free_port();
    let sensor = format!("sensor --secret-key-file key --bind 127.0.0.1:{port} --network-secret-file {one}");
    let mut command = place.command(SENSORS, &sensor);
    command.args(["--for", "4s"]);
    let sensor = crate::programs::Running::start(command);
    let display = format!("display --bootstrap {id}@127.0.0.1:{port} --network-secret-file {other} --for 3s");
    let display = place.run(SENSORS, &display);
    let sensor = sensor.ended(LATE);
    assert_eq!((display.code, display.out.as_str()), (Some(0), ""), "{display:?}");
    assert!(display.err.contains("--network-secret-file"), "the one who asks is told: {display:?}");
    assert!(sensor.err.contains("--network-secret-file"), "the one who is asked is told: {sensor:?}");
}

#[test]
fn two_shapes_of_one_stream_are_told_on_both_sides_with_what_differs() {
    let place = Place::new();
    let older = place.start(OLDER, "older --for 4s");
    let newer = place.run(NEWER, "newer --for 3s");
    let older = older.ended(LATE);
    assert_eq!((newer.code, newer.out.as_str(), older.code), (Some(0), "", Some(0)));
    told(&newer, "field `celsius`: f64 here, f32 there", "lab.reading");
    told(&older, "field `celsius`: f32 here, f64 there", "lab.reading");
}

/// A line tells what differs, and of what.
fn told(program: &Ended, differs: &str, name: &str) {
    assert!(program.err.lines().any(|line| line.contains(differs) && line.contains(name)), "{program:?}");
}

#[test]
fn two_shapes_of_one_collection_are_told_on_both_sides_with_what_differs() {
    let place = Place::new();
    for late in ["board", "keeper"] {
        let mut older = place.start(OLDER, "keeper --for 5s");
        older.says("kept", SOON);
        let newer = place.run(NEWER, &format!("{late} --for 3s"));
        let older = older.ended(LATE);
        assert_eq!((newer.code, newer.out.as_str(), older.code), (Some(0), "", Some(0)));
        told(&newer, "`machine.state.0[value]`: f64 here, f32 there", "lab.last");
        told(&older, "`machine.state.0[value]`: f32 here, f64 there", "lab.last");
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}
