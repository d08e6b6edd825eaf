//! What the command line promises.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use rustix::process::Signal;

use crate::programs::{LATE, Place, Running, SENSORS, SOON, TROUBLE, contents};

#[test]
fn without_names_both_nodes_run_and_end_in_order_after_a_time() {
    let ended = Place::new().run(SENSORS, "--for 2s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("% cpu"), "{ended:?}");
    assert!(ended.err.contains("sensor") && ended.err.contains("fleet"), "{ended:?}");
}

#[test]
fn help_names_nodes_options_and_variables() {
    let ended = Place::new().run(SENSORS, "--help");
    assert_eq!(ended.code, Some(0));
    for words in ["sensor", "display", "--bootstrap", "MOSAIK_DATA_DIR", "topology", "keygen"] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
}

#[test]
fn the_picture_names_both_nodes_and_the_stream_in_every_format() {
    let place = Place::new();
    for format in ["mermaid", "dot", "json", "svg"] {
        let ended = place.run(SENSORS, &format!("topology --format {format}"));
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{format}");
        for name in ["sensor", "display", "host.load"] {
            assert!(ended.out.contains(name), "{name} in {format}");
        }
    }
    let json = place.run(SENSORS, "topology --format json").out;
    let value: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(value["edges"].as_array().map(Vec::len), Some(2));
}

#[test]
fn signals_stop_in_order_and_a_second_one_at_once() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        let mut running = place.start(SENSORS, "");
        running.says("% cpu", LATE);
        running.signal(signal);
        let ended = running.ended(LATE);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let place = Place::new();
    let mut stubborn = place.start(TROUBLE, "stubborn");
    stubborn.says("ready", LATE);
    stubborn.signal(Signal::INT);
    stubborn.says("asked to stop", SOON);
    stubborn.signal(Signal::INT);
    assert_eq!(stubborn.ended(Duration::from_secs(2)).code, Some(130));
}

#[test]
fn a_function_that_goes_on_after_a_stop_is_dropped() {
    let place = Place::new();
    let mut stubborn = place.start(TROUBLE, "stubborn");
    stubborn.says("ready", LATE);
    stubborn.signal(Signal::TERM);
    let ended = stubborn.ended(LATE);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("was still waiting 3s after the stop, and is dropped"), "{ended:?}");
}

#[test]
fn a_sensor_that_is_stopped_while_it_waits_is_no_reason_for_a_warning() {
    let ended = Place::new().run(SENSORS, "sensor --for 1s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("warning"), "{ended:?}");
}

#[test]
fn a_function_that_fails_or_panics_ends_the_program_with_one() {
    let place = Place::new();
    place.run(TROUBLE, "fails").refused(1, &["fails failed: the soup is cold"]);
    place.run(TROUBLE, "panics").refused(1, &["panics failed: its function panicked: no spoon"]);
    // The other node is told to stop.
    place.run(TROUBLE, "fails waits").refused(1, &["the soup is cold"]);
}

#[test]
fn a_function_that_returns_ends_its_node() {
    let ended = Place::new().run(TROUBLE, "returns");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "done\n"), "{ended:?}");
}

#[test]
fn options_of_the_program_reach_its_node() {
    let place = Place::new();
    assert_eq!(place.run(TROUBLE, "returns --word fine").out, "fine\n");
    assert!(place.run(TROUBLE, "--help").out.contains("--word <WORD>"));
}

#[test]
fn variables_stand_in_for_options() {
    let place = Place::new();
    let mut command = place.command(TROUBLE, "waits");
    command.env("MOSAIK_FOR", "200ms");
    assert_eq!(Running::start(command).ended(LATE).code, Some(0));
    let mut command = place.command(TROUBLE, "waits");
    command.env("MOSAIK_FOR", "soon");
    Running::start(command).ended(LATE).refused(2, &["`soon` is not a length of time"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_has_as_many_threads_as_it_was_told() {
    let place = Place::new();
    let threads = |arguments: &str| {
        let mut waits = Running::start(place.command(TROUBLE, arguments));
        waits.says("ready", SOON);
        waits.threads()
    };
    let one = threads("waits --threads 1");
    assert!(one < 40, "{one} threads");
    let forty = threads("waits --threads 40");
    assert!(forty >= 40, "{forty} threads");
}

#[test]
fn a_key_file_is_made_once_for_its_owner_alone() {
    let place = Place::new();
    let files = ["key.returns-1", "key.returns-2"].map(|name| place.path(name));
    let made = place.run(TROUBLE, "returns=2 --secret-key-file key");
    assert_eq!(made.code, Some(0));
    for number in 1..=2 {
        let told = format!("made a new key in key.returns-{number}\n");
        assert_eq!(made.err.matches(&told).count(), 1, "{made:?}");
    }
    let keys = files.clone().map(|path| contents(&path));
    assert_ne!(keys[0], keys[1]);
    let mode = std::fs::metadata(&files[0]).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = place.run(TROUBLE, "returns=2 --secret-key-file key");
    assert_eq!((read.code, read.err.contains("new key")), (Some(0), false), "{read:?}");
    assert_eq!(files.map(|path| contents(&path)), keys);
}
