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

#[test]
fn a_long_name_of_wide_letters_is_cut_and_not_refused() {
    let place = Place::new();
    let (wide, cut) = ("漢".repeat(24), "漢".repeat(19));
    let mut ada = place.start(CHAT, &format!("--name {wide} --stay"));
    assert_eq!(ada.says("you are", LATE), format!("- you are {cut}; /help says what you can do"));
    let mut bob = place.start(CHAT, "--name bob --stay");
    bob.says(&format!("{cut} is here"), LATE);
    bob.type_line(&format!("/nick {}", "字".repeat(24)));
    ada.says(&format!("bob is now {}", "字".repeat(19)), LATE);
}

#[test]
fn words_from_a_pipe_that_nobody_heard_are_told() {
    let place = Place::new();
    let mut ada = place.start(CHAT, "--name ada");
    ada.type_line("hi");
    ada.close_input();
    let ended = ada.ended(LATE);
    assert!(ended.out.contains("nobody was here to hear it"), "{ended:?}");
    let mut bob = place.start(CHAT, "--name bob --stay");
    bob.says("you are bob", LATE);
    let mut eve = place.start(CHAT, "--name eve");
    eve.type_line("hi");
    eve.close_input();
    bob.says("eve: hi", LATE);
    assert!(!eve.ended(LATE).out.contains("nobody"));
}
