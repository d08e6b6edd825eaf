//! Tickets from a file to an admitted node: the example, and the command `mosaik`.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::programs::{ATTESTED, Ended, LATE, MOSAIK, Place, Running, contents};

#[test]
fn a_desk_is_admitted_a_forger_refused_and_a_visitor_cut() {
    let ended = Place::new().run(ATTESTED, "--for 14s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = |words: [&str; 2]| ended.out.lines().any(|line| words.iter().all(|word| line.contains(word)));
    for words in [
        ["matcher: desk", "is admitted"],
        ["matcher: visitor", "is admitted"],
        ["matcher: forger", "is refused"],
        ["matcher: forger", "its signature does not fit any of the keys"],
        ["matcher: the link to visitor", "the ticket expired"],
        ["spy: desk", "its MRTD is not that of `matcher`"],
    ] {
        assert!(line(words), "{words:?}: {ended:?}");
    }
    assert!(!ended.out.contains("is no secret any more"), "{ended:?}");
    assert!(ended.err.contains("the ticket was renewed"), "the desk's: {ended:?}");
    assert!(ended.err.contains("SIMULATED platform"), "{ended:?}");
}

fn done(place: &Place, line: &str) -> Ended {
    let ended = place.run(MOSAIK, line);
    assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
    ended
}

/// A node's key in `<name>.node`, and its peer id.
fn node(place: &Place, name: &str) -> String {
    let made = done(place, &format!("keygen --secret-key-file {name}.node"));
    let id = made.out.lines().find_map(|line| line.strip_prefix("peer id "));
    id.expect("it is told").to_owned()
}

#[test]
fn a_token_that_the_command_makes_is_looked_into_checked_and_proves() {
    let place = Place::new();
    let (desk, other) = (node(&place, "desk"), node(&place, "other"));
    done(&place, "ticket key --alg ES256 --kid house-1 --key-file desk.key --keys-file desk.jwks");
    let issue =
        format!("ticket issue --key desk.key --issuer desk --network dark --peer {desk} --claim desk=7");
    done(&place, &format!("{issue} --lifetime 10m --out desk.jwt"));
    let shown = done(&place, "ticket inspect desk.jwt").out;
    for words in
        ["Nothing of this was checked", "ES256", "house-1", "dark", &desk, "in 9 min", "desk       7"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let verify = "ticket verify desk.jwt --keys desk.jwks --network dark --issuer desk --claim desk=7 --peer";
    let good = done(&place, &format!("{verify} {desk}")).out;
    assert!(good.contains("ok      signature\n") && good.contains("the token is good until"), "{good}");
    let bad = place.run(MOSAIK, &format!("{verify} {other}"));
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.out.contains("FAILED  subject") && bad.out.contains("a node would refuse it"), "{bad:?}");
    let printed = done(&place, &format!("{issue} --lifetime 10m")).out;
    assert_eq!(printed.trim().split('.').count(), 3, "a token and nothing else");

    done(&place, "tdx measure --simulated attested --name matcher --out matcher.measurements");
    let start = |line: &str| {
        let mut command = place.command(ATTESTED, line);
        command.env("MOSAIK_CONFIG_DIR", ".");
        Running::start(command)
    };
    let mut matcher = start("matcher");
    let _desk = start("desk --secret-key-file desk.node --ticket DeskTicket=desk.jwt");
    let said = matcher.says("is admitted", LATE);
    assert!(said.contains(&desk[..10]), "{said}");
    // The same token in another peer's hands: its own node finds out before anybody else does.
    let thief = start("desk --secret-key-file other.node --ticket DeskTicket=desk.jwt").ended(LATE);
    thief.refused(3, &["must prove `DeskTicket`", "made for another peer"]);
}

#[test]
fn h8_a_key_that_others_may_read_signs_nothing() {
    let place = Place::new();
    done(&place, "ticket key --key-file desk.key");
    let mode = |mode| {
        fs::set_permissions(place.path("desk.key"), fs::Permissions::from_mode(mode)).expect("changed");
    };
    assert_eq!(fs::metadata(place.path("desk.key")).expect("there").permissions().mode() & 0o777, 0o600);
    mode(0o640);
    let issue = "ticket issue --key desk.key --network dark --subject anybody";
    place.run(MOSAIK, issue).refused(1, &["can be read by others", "chmod 600 desk.key"]);
    mode(0o600);
    done(&place, issue);
    place.run(MOSAIK, "ticket key --key-file desk.key").refused(1, &["is not written over"]);
    place.run(MOSAIK, "ticket issue --key desk.key").refused(2, &["--network"]);
    let help = done(&place, "ticket issue --help").out;
    assert!(help.contains("--lifetime <TIME>") && help.contains("64 hex digits"), "{help}");
}

#[test]
fn a_simulated_quote_is_good_for_its_peer_and_network_and_where_it_is_trusted() {
    let place = Place::new();
    let (peer, other) = (node(&place, "a"), node(&place, "b"));
    done(&place, "tdx measure --simulated attested --out m");
    done(&place, &format!("tdx quote --simulated attested --network dark --peer {peer} --out q"));
    let measured = done(&place, "tdx measure --quote q").out;
    let lines = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        lines(&measured),
        lines(&contents(&place.path("m"))),
        "what a quote says is what was measured"
    );
    let verify = |network: &str, peer: &str, more: &str| {
        place.run(MOSAIK, &format!("tdx verify q --measurements m --network {network} --peer {peer} {more}"))
    };
    let good = verify("dark", &peer, "--simulated");
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(good.out.contains("simulated: it proves nothing"), "{good:?}");
    for (bad, words) in [
        (verify("dark", &peer, ""), "FAILED  quote"),
        (verify("light", &peer, "--simulated"), "FAILED  binding"),
        (verify("dark", &other, "--simulated"), "FAILED  binding"),
    ] {
        assert_eq!(bad.code, Some(1), "{bad:?}");
        assert!(bad.out.contains(words), "{bad:?}");
    }
    done(&place, "tdx measure --simulated changed --out m");
    assert!(verify("dark", &peer, "--simulated").out.contains("its MRTD is not that of"));
    if !fs::exists("/sys/kernel/config/tsm/report").unwrap_or(true) {
        place.run(MOSAIK, "tdx measure").refused(1, &["this machine cannot make TDX quotes", "simulated"]);
    }
}
