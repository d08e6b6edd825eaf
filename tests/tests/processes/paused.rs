//! Processes that the system treats badly: paused for a while, or without a descriptor to spare.

use mosaik_tests::programs::Running;
use rustix::process::Signal;

use crate::programs::{CLERK, LATE, Place};

fn three(place: &Place) -> Vec<Running> {
    let start = |clerk| place.start(CLERK, &format!("--data-dir clerk-{clerk} --life {clerk}"));
    let mut clerks: Vec<_> = (0..3).map(start).collect();
    clerks.iter_mut().for_each(|clerk| drop(clerk.says("online", LATE)));
    clerks
}

/// What the rolls hold, as this clerk reads them: all that was acknowledged to anybody before.
fn rolls(clerk: &mut Running) -> Vec<String> {
    clerk.type_line("what do the rolls hold?");
    read(clerk)
}

fn read(clerk: &mut Running) -> Vec<String> {
    clerk.says("rolls ", LATE).split(' ').skip(1).map(str::to_owned).collect()
}

/// Each is paused in turn, so one of them while it leads. Asked the moment it wakes, it knows what the others did meanwhile.
#[test]
fn f13_a_clerk_that_wakes_reads_nothing_that_is_out_of_date() {
    let place = Place::new();
    let mut clerks = three(&place);
    for paused in 0..3 {
        clerks[paused].says("in ", LATE);
        clerks[paused].pause();
        clerks[paused].type_line("what do the rolls hold?");
        // The others elect a leader if they have to, and go on.
        let other = (paused + 1) % 3;
        let begun = rolls(&mut clerks[other]).len();
        let meanwhile = loop {
            let now = rolls(&mut clerks[other]);
            if now.len() >= begun + 20 {
                break now;
            }
        };
        clerks[paused].signal(Signal::CONT);
        let woken = read(&mut clerks[paused]);
        let missing: Vec<_> = meanwhile.iter().filter(|entry| !woken.contains(entry)).collect();
        assert!(missing.is_empty(), "clerk {paused} woke and did not know of {missing:?}");
        clerks[paused].says("in ", LATE);
    }
    for clerk in clerks {
        assert!(!clerk.killed(LATE).err.contains("panicked"));
    }
}

/// No file, no socket, no directory can be opened any more; what is open still works.
#[test]
fn f19_a_clerk_without_descriptors_goes_on_with_those_it_has_and_recovers() {
    let place = Place::new();
    let mut clerks = three(&place);
    let before = rolls(&mut clerks[0]).len();
    clerks[0].limit_files(3);
    while rolls(&mut clerks[0]).len() < before + 100 {}
    // Another one comes back meanwhile, and the two must find each other.
    clerks.remove(2).killed(LATE);
    clerks.push(place.start(CLERK, "--data-dir clerk-2 --life again"));
    clerks[2].says("in again-", LATE);
    assert!(rolls(&mut clerks[0]).iter().any(|entry| entry.starts_with("again-")));
    clerks[0].limit_files(1024);
    let before = rolls(&mut clerks[0]).len();
    while rolls(&mut clerks[0]).len() < before + 100 {}
    for clerk in clerks {
        let ended = clerk.killed(LATE);
        assert!(!ended.err.contains("panicked"), "{ended:?}");
    }
}
