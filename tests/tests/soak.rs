//! The soak program starts, says how it stands, and ends with a verdict. Its ten minutes are run by hand.

use std::process::Command;

#[test]
fn g5_nodes_come_and_go_for_a_few_seconds_and_nothing_is_left() {
    let soak = Command::new(env!("CARGO_BIN_EXE_soak")).args(["--for", "12"]).output().expect("it starts");
    let said = String::from_utf8_lossy(&soak.stdout);
    let complained = String::from_utf8_lossy(&soak.stderr);
    assert!(soak.status.success(), "{said}{complained}");
    assert!(
        said.contains("verdict: sound") && said.contains("tasks left after the end 0"),
        "{said}{complained}"
    );
}
