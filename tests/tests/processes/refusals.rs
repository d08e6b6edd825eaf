//! What a machine or a program cannot do: a sentence that says what to do, and an exit code.

use std::{fs, net::UdpSocket, os::unix::fs::PermissionsExt};

use crate::programs::{LATE, Place, SENSORS, TROUBLE, UNSOUND};

#[test]
fn a_wrong_command_line_ends_with_two() {
    let place = Place::new();
    place.run(SENSORS, "sensr").refused(2, &["no node `sensr`", "did you mean `sensor`?"]);
    place.run(SENSORS, "--for soon").refused(2, &["write `10s`"]);
    place.run(SENSORS, "--log =").refused(2, &["--log"]);
    let far = format!("--bootstrap {}@192.168.7.7:4000", "07".repeat(32));
    place.run(SENSORS, &far).refused(2, &["add `--reach lan`"]);
    place.run(SENSORS, "--bind 127.0.0.1:4999").refused(2, &["2 nodes would share it"]);
}

#[test]
fn key_files_that_cannot_be_used_say_why() {
    let place = Place::new();
    fs::create_dir(place.path("directory")).expect("made");
    fs::set_permissions(place.path("directory"), fs::Permissions::from_mode(0o700)).expect("changed");
    place.run(TROUBLE, "waits --secret-key-file directory").refused(3, &["waits cannot start", "directory"]);
    let ended = place.run(TROUBLE, "keygen --secret-key-file open");
    assert!(ended.out.contains("peer id "), "{ended:?}");
    place
        .run(TROUBLE, "keygen --secret-key-file open")
        .refused(3, &["open is there already", "name another file"]);
    place
        .run(TROUBLE, "waits --secret-key-file mistyped/key")
        .refused(3, &["waits cannot start", "mistyped/key", "its directory is there"]);
    fs::set_permissions(place.path("open"), fs::Permissions::from_mode(0o644)).expect("changed");
    place.run(TROUBLE, "waits --secret-key-file open").refused(3, &["chmod 600"]);
    fs::write(place.path("nonsense"), "nonsense").expect("written");
    fs::set_permissions(place.path("nonsense"), fs::Permissions::from_mode(0o600)).expect("changed");
    place.run(TROUBLE, "waits --secret-key-file nonsense").refused(3, &["64 hex digits"]);
    place.run(TROUBLE, "waits --network-secret-file nonsense").refused(3, &["at least 32 random bytes"]);
    place.run(TROUBLE, "waits --network-secret-file absent").refused(3, &["absent"]);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let place = Place::new();
    let ended = place.run(TROUBLE, &format!("waits --bind 127.0.0.1:{port}"));
    ended.refused(3, &["waits cannot start", &port.to_string()]);
}

#[test]
fn a_second_node_on_one_data_directory_is_refused() {
    let place = Place::new();
    let mut first = place.start(TROUBLE, "waits --data-dir data");
    first.says("ready", LATE);
    place.run(TROUBLE, "waits --data-dir data").refused(3, &["waits cannot start", "data"]);
    drop(first);
    // What the killed node left does not keep the next one out.
    assert_eq!(place.run(TROUBLE, "returns --data-dir data").code, Some(0));
}

#[test]
fn an_unsound_program_lists_everything_that_is_wrong_with_it() {
    let ended = Place::new().run(UNSOUND, "");
    ended.refused(
        3,
        &["for 2 reasons", "`lab.sample` is declared with two schemas", "tag(\"matcher\")", "unsound.rs:"],
    );
    assert_eq!(ended.out, "");
}
