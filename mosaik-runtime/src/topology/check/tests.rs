//! Each problem once, and all of them at once.

use super::*;
use crate::{
    primitives::schema::Schema,
    topology::{
        descriptor::{Intent, StreamOptions},
        fixtures::{
            AUDITOR, DESK, DISPLAY, LEDGER, LOAD, MATCHER, MONITOR, ORDERS, SENSOR, TELLER, Wider, at, group,
            node, stream,
        },
        group::{GroupOptions, Storage, VoterSet},
    },
};

fn only_problem(nodes: &[&'static NodeDescriptor]) -> Problem {
    match check(nodes).expect_err("there is a problem").list() {
        [problem] => problem.clone(),
        problems => panic!("one problem expected: {problems:#?}"),
    }
}

#[test]
fn sound_programs_start() {
    assert_eq!(check(&[&SENSOR, &DISPLAY]), Ok(()));
    assert_eq!(check(&[&DESK, &MATCHER]), Ok(()));
    assert_eq!(check(&[&TELLER, &AUDITOR, &MONITOR]), Ok(()));
    assert_eq!(check(&[]), Ok(()));
}

#[test]
fn one_intent_with_two_schemas_says_what_differs() {
    static WIDE: StreamDescriptor =
        StreamDescriptor { schema: Wider::shape, source: at(99), ..stream("host.load", 1) };
    static WALL: NodeDescriptor = node("wall", 30, &[Role::Consumes(&WIDE)]);
    let problem = only_problem(&[&SENSOR, &WALL]);
    assert_eq!(problem.places(), [at(1), at(99)]);
    let text = problem.to_string();
    assert!(text.contains("`host.load`") && text.contains("cpu_percent"), "{text}");
}

#[test]
fn one_intent_with_two_sets_of_options_says_which() {
    static SMALL: StreamDescriptor = StreamDescriptor {
        options: StreamOptions::new().buffer(8),
        source: at(99),
        ..stream("host.load", 1)
    };
    static WALL: NodeDescriptor = node("wall", 30, &[Role::Consumes(&SMALL)]);
    let Problem::TwoSettings { what, first, second, .. } = only_problem(&[&SENSOR, &WALL]) else {
        panic!("two settings")
    };
    assert_eq!((what, first.as_str(), second.as_str()), ("buffer", "the default", "8"));
}

#[test]
fn ids_and_intents_belong_together() {
    static SAME_ID: StreamDescriptor =
        StreamDescriptor { intent: Intent::new("other.load", [1; 32]), ..stream("other.load", 1) };
    static SAME_TEXT: StreamDescriptor = StreamDescriptor { source: at(98), ..stream("host.load", 7) };
    static TWO: NodeDescriptor = node("two", 30, &[Role::Consumes(&LOAD), Role::Consumes(&SAME_ID)]);
    static THREE: NodeDescriptor = node("three", 40, &[Role::Consumes(&LOAD), Role::Consumes(&SAME_TEXT)]);
    assert!(matches!(only_problem(&[&TWO]), Problem::TwoIntents { second: "other.load", .. }));
    assert!(matches!(only_problem(&[&THREE]), Problem::TwoIds { intent: "host.load", .. }));
}

#[test]
fn a_rule_that_a_node_can_never_meet_is_found_and_one_that_it_may_meet_is_not() {
    static SPY: NodeDescriptor = node("spy", 60, &[Role::Consumes(&ORDERS)]);
    let problem = only_problem(&[&DESK, &SPY]);
    assert_eq!(problem.places(), [at(60), at(2)]);
    assert_eq!(
        problem.to_string(),
        "node `spy` cannot consume `dark.orders`, which requires tag(\"matcher\") & rtt_below(20ms): it claims no \
         tags; add them with `tags = [..]`"
    );
    let far = Rule::RttBelow(1);
    let near_or_desk = Rule::Either(&Rule::RttBelow(1), &Rule::Tag("desk"));
    assert_eq!(judge(&far, &[], &[]), Decision::Unknown);
    assert_eq!(judge(&near_or_desk, &[], &[]), Decision::Unknown);
    assert_eq!(judge(&Rule::Not(&Rule::Tag("desk")), &["desk"], &[]), Decision::No);
}

#[test]
fn a_proof_that_a_node_does_not_declare_is_found_before_it_starts() {
    const BADGE: ProofRef = ProofRef { name: "Badge", path: "a::Badge", note: "", declared: &() };
    const OTHER: ProofRef = ProofRef { path: "b::Badge", ..BADGE };
    static SEALED: StreamDescriptor = StreamDescriptor {
        consumers: Rule::Either(&Rule::Proof(BADGE), &Rule::RttBelow(0)),
        producers: Rule::Proof(BADGE),
        ..stream("dark.bids", 11)
    };
    static SPY: NodeDescriptor = node("spy", 60, &[Role::Produces(&SEALED)]);
    static DESK: NodeDescriptor =
        NodeDescriptor { proves: &[BADGE], ..node("desk", 61, &[Role::Produces(&SEALED)]) };
    assert_eq!(
        only_problem(&[&SPY]).to_string(),
        "node `spy` cannot produce `dark.bids`, which requires Badge: it proves nothing; add what is missing with \
         `proves = ..`"
    );
    assert_eq!(check(&[&DESK]), Ok(()));
    assert_eq!(judge(&SEALED.producers, &[], &[BADGE]), Decision::Yes);
    assert_eq!(
        judge(&SEALED.producers, &[], &[OTHER]),
        Decision::No,
        "one of the same name is another proof"
    );
    assert_eq!(judge(&SEALED.consumers, &[], &[]), Decision::Unknown, "it may be near enough");
    let graph = crate::topology::Graph::of(&[&DESK]);
    let drawn = graph.render(crate::topology::Format::Mermaid);
    assert!(drawn.contains("🔒") && drawn.contains("Badge"), "{drawn}");
}

#[test]
fn names_are_checked_and_every_problem_is_listed_at_once() {
    static ODD: StreamDescriptor = StreamDescriptor { source: at(97), ..stream("Host Load", 9) };
    static BAD: NodeDescriptor = NodeDescriptor {
        network: "../etc",
        tags: &["two words"],
        ..node("topology", 70, &[Role::Produces(&ODD)])
    };
    let problems = check(&[&SENSOR, &SENSOR, &BAD]).expect_err("five problems");
    let text = problems.to_string();
    assert_eq!(problems.list().len(), 5, "{text}");
    assert!(text.starts_with("the program cannot start, for 5 reasons:\n  * two nodes are called `sensor`"));
    assert!(text.contains("\n      at src/program.rs:70"), "{text}");
}

#[test]
fn one_group_with_two_schemas_or_two_sets_of_options_says_what_differs() {
    static WIDE: GroupDescriptor =
        GroupDescriptor { schema: Wider::shape, source: at(99), ..group("bank.book", 6) };
    static KEPT: GroupDescriptor = GroupDescriptor {
        options: GroupOptions::new().storage(Storage::Durable),
        source: at(98),
        ..group("bank.book", 6)
    };
    static PLAIN: GroupDescriptor = group("bank.book", 6);
    static WIDE_NODE: NodeDescriptor = node("wide", 30, &[Role::Member(&PLAIN), Role::Member(&WIDE)]);
    static KEPT_NODE: NodeDescriptor = node("kept", 31, &[Role::Member(&PLAIN), Role::Member(&KEPT)]);
    let text = only_problem(&[&WIDE_NODE]).to_string();
    assert!(text.contains("`bank.book`") && text.contains("cpu_percent"), "{text}");
    let Problem::TwoSettings { what, first, second, .. } = only_problem(&[&KEPT_NODE]) else {
        panic!("two settings")
    };
    assert_eq!((what, first.as_str(), second.as_str()), ("storage", "memory", "durable"));
}

#[test]
fn a_group_has_one_to_thirteen_voters() {
    static NONE: GroupDescriptor = GroupDescriptor { voters: VoterSet::Count(0), ..group("bank.book", 6) };
    static LARGE: GroupDescriptor =
        GroupDescriptor { options: GroupOptions::new().committee(14), ..group("bank.book", 6) };
    static NOBODY: GroupDescriptor = GroupDescriptor { voters: VoterSet::List(&[]), ..group("bank.book", 6) };
    static A: NodeDescriptor = node("a", 30, &[Role::Member(&NONE), Role::Member(&NONE)]);
    static B: NodeDescriptor = node("b", 31, &[Role::Member(&LARGE)]);
    static C: NodeDescriptor = node("c", 32, &[Role::Member(&NOBODY)]);
    assert!(matches!(only_problem(&[&A]), Problem::Voters { count: 0, .. }));
    assert!(matches!(only_problem(&[&B]), Problem::Voters { count: 14, .. }));
    assert!(matches!(only_problem(&[&C]), Problem::Voters { count: 0, .. }));
}

#[test]
fn a_node_that_can_never_be_a_member_is_found() {
    static THIEF: NodeDescriptor = node("thief", 60, &[Role::Member(&LEDGER)]);
    assert_eq!(
        only_problem(&[&THIEF]).to_string(),
        "node `thief` cannot join `bank.ledger`, which requires tag(\"bank\"): it claims no tags; add them with \
         `tags = [..]`"
    );
}
