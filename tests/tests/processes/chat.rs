//! The chat, as two people in pipes use it.

use crate::programs::{CHAT, LATE, Place};

#[test]
fn two_people_talk_come_and_go() {
    let place = Place::new();
    let mut ada = place.start(CHAT, "--name ada --stay");
    ada.says("you are ada", LATE);
    let mut bob = place.start(CHAT, "--name bob");
    ada.says("bob is here", LATE);
    bob.says("ada is here", LATE);
    bob.type_line("hello ada");
    ada.says("bob: hello ada", LATE);
    ada.type_line("/me waves");
    bob.says("* ada waves", LATE);
    bob.type_line("/who");
    bob.says("ada (", LATE);
    bob.type_line("/nick bobby");
    ada.says("bob is now bobby", LATE);
    bob.close_input();
    assert_eq!(bob.ended(LATE).code, Some(0));
    ada.says("bobby left", LATE);
}

#[test]
fn who_comes_later_reads_what_was_said_before() {
    let place = Place::new();
    let mut ada = place.start(CHAT, "--name ada --stay");
    ada.type_line("is anybody here?");
    let mut bob = place.start(CHAT, "--name bob --stay");
    bob.says("ada: is anybody here?", LATE);
    let mut eve = place.start(CHAT, "--name eve --stay");
    eve.says("ada: is anybody here?", LATE);
}

#[test]
fn nothing_that_others_send_commands_the_terminal() {
    let place = Place::new();
    let mut ada = place.start(CHAT, "--name ada --stay");
    let mut bob = place.start(CHAT, "--name bob --stay");
    bob.says("ada is here", LATE);
    bob.type_line("\u{1b}[2J gone?");
    assert_eq!(ada.says("gone?", LATE), "bob: [2J gone?");
}
