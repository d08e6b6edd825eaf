//! Hosts whose addresses change.

use std::time::Duration;

use mosaik_tests::programs::Running;

use crate::{SENSORS, bound, world::World};

/// F12 allows so much. A test machine gets no more of it: a link that nobody cares for takes longer to be lost.
const RESUMED: Duration = Duration::from_secs(10);

/// Readings that were under way may still arrive; these did not fit.
fn resumes(display: &mut Running) {
    for _ in 0..4 {
        display.says("% cpu", RESUMED);
    }
}

/// One host tells where it is, the other asks; then the one or the other moves, twice.
fn moved(sensor_moves: bool, seed_is_sensor: bool) {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let (mut sensor_host, mut display_host) =
        (world.host_on(&net, "sensor", 1), world.host_on(&net, "display", 2));
    let (seed_host, seed_at) = if seed_is_sensor { (&sensor_host, 1) } else { (&display_host, 2) };
    let id = seed_host.key();
    let seed = "--bind 0.0.0.0:4000 --secret-key-file key".to_owned();
    let other = format!("--bootstrap {id}@10.0.1.{seed_at}:4000");
    let (of_sensor, of_display) = if seed_is_sensor { (seed, other) } else { (other, seed) };
    let _sensor = sensor_host.start(SENSORS, &format!("sensor --reach lan --mdns off {of_sensor}"));
    let mut display = display_host.start(SENSORS, &format!("display --reach lan --mdns off {of_display}"));
    display.says("% cpu", bound(3));
    let (mover, from) = if sensor_moves { (&mut sensor_host, 1) } else { (&mut display_host, 2) };
    mover.readdress(&net, from, 21);
    resumes(&mut display);
    mover.readdress(&net, 21, 22);
    resumes(&mut display);
    drop(display);
    world.nothing_left();
}

#[test]
fn f12_streams_resume_within_ten_seconds_after_the_producers_host_moved() {
    moved(true, true);
}

#[test]
fn f12_streams_resume_within_ten_seconds_after_the_host_of_a_producer_that_dialled_moved() {
    moved(true, false);
}

#[test]
fn f12_streams_resume_within_ten_seconds_after_the_consumers_host_moved() {
    moved(false, true);
}

#[test]
fn f12_streams_resume_within_ten_seconds_after_the_host_of_a_consumer_that_was_dialled_moved() {
    moved(false, false);
}

#[test]
fn f12_a_host_that_moved_finds_new_ones_by_mdns() {
    let Some(mut world) = World::new() else { return };
    let net = world.switch("10.0.1");
    let (mut here, there) = (world.host_on(&net, "here", 1), world.host_on(&net, "there", 2));
    let _sensor = here.start(SENSORS, "sensor --reach lan");
    let mut display = there.start(SENSORS, "display --reach lan");
    display.says("% cpu", bound(5));
    here.readdress(&net, 1, 21);
    drop(display);
    let mut display = there.start(SENSORS, "display --reach lan");
    display.says("% cpu", bound(5));
    world.nothing_left();
}
