//! Every phase with every kind of input, against a table that was written by hand.

use super::*;

/// A birth in each phase, reached the way that a program reaches it.
fn phases() -> Vec<(Phase, Birth)> {
    let dormant = Birth::new(Config::new(group(), Voters::Count(3)), member(1), Record::default());
    let gathering = open(1, Voters::Count(3));
    let mut waiting = open(1, Voters::Count(3));
    for input in [seen(2), ready(2), seen(3), ready(3)] {
        take(&mut waiting, input);
    }
    let mut concluded = waiting.clone();
    let genesis = list(1, 1, &[1, 2, 3]);
    take(&mut concluded, promised(2, &genesis));
    take(&mut concluded, promised(3, &genesis));
    let mut resuming = Birth::new(Config::new(group(), Voters::Count(3)), member(1), Record::default());
    take(&mut resuming, Input::LocalReady { holds: Some(genesis.cluster()) });
    let mut joining = open(1, Voters::Count(3));
    take(&mut joining, seen(2));
    take(&mut joining, Input::PeerInitialised { peer: peer(2), cluster: genesis.cluster() });
    let strict = Config { strict: true, ..Config::new(group(), Voters::Count(3)) };
    let mut timed_out = Birth::new(strict, member(1), Record::default());
    take(&mut timed_out, Input::LocalReady { holds: None });
    take(&mut timed_out, Input::Elapsed(Timer::Deadline));
    vec![
        (Phase::Dormant, dormant),
        (Phase::Gathering, gathering),
        (Phase::Waiting, waiting),
        (Phase::Concluded, concluded),
        (Phase::Resuming, resuming),
        (Phase::Joining, joining),
        (Phase::TimedOut, timed_out),
    ]
}

/// One input of every kind, from a peer that no phase above has met.
fn inputs() -> Vec<Input> {
    let genesis = list(4, 1, &[1, 4, 5]);
    vec![
        Input::LocalReady { holds: None },
        seen(4),
        ready(4),
        Input::PeerLost { peer: peer(4), boot: BootId(4) },
        promised(4, &genesis),
        Input::PeerRefused { peer: peer(4), hash: genesis.hash() },
        Input::PeerInitialised { peer: peer(4), cluster: genesis.cluster() },
        Input::Surveyed,
        Input::Founding(Right::Granted),
        Input::Voters(vec![member(1)]),
        Input::Joined,
        Input::Elapsed(Timer::Propose),
        Input::Query,
        Input::Evicted(peer(4)),
    ]
}

/// What a phase answers to [`inputs`], in their order: `.` taken, or the reason. The peer of the inputs has no bond.
fn table(phase: Phase) -> [&'static str; 14] {
    let talk = ["StaleBoot", "StaleBoot", "StaleBoot", "StaleBoot", "StaleBoot"];
    let [ready, lost, promised, refused, initialised] = talk;
    let row = |local, founding, voters, joined, evicted| {
        [
            local,
            ".",
            ready,
            lost,
            promised,
            refused,
            initialised,
            ".",
            founding,
            voters,
            joined,
            "NotArmed",
            ".",
            evicted,
        ]
    };
    match phase {
        Phase::Dormant => {
            let mut row = ["NotReady"; 14];
            (row[0], row[12]) = (".", ".");
            row
        }
        Phase::Gathering | Phase::Waiting => row("Again", "NoFounder", "NoGroup", "NotJoining", "NoGroup"),
        Phase::Concluded | Phase::Resuming => row("Again", "NoFounder", ".", "NotJoining", "StaleBoot"),
        Phase::Joining => row("Again", "NoFounder", ".", ".", "NoGroup"),
        Phase::TimedOut => {
            let mut row = ["Ended"; 14];
            row[12] = ".";
            row
        }
    }
}

#[test]
fn each_phase_takes_what_the_table_says_and_nothing_else() {
    for (phase, birth) in phases() {
        assert_eq!(birth.view().phase, phase);
        for (input, expected) in inputs().into_iter().zip(table(phase)) {
            let (before, mut after) = (birth.clone(), birth.clone());
            let outcome = after.step(input.clone());
            let found =
                outcome.as_ref().err().map_or(".".to_owned(), |rejected| format!("{:?}", rejected.reason));
            assert_eq!(found, expected, "{phase:?} and {input:?}");
            if let Err(rejected) = outcome {
                assert_eq!(before, after, "a rejected input changes nothing: {phase:?} and {input:?}");
                let listed = rejected.admissible.contains(&input.kind());
                let by_phase = ["NotReady", "Again", "NoFounder", "NoGroup", "NotJoining", "Ended"];
                assert_eq!(listed, !by_phase.contains(&expected), "{phase:?} and {input:?}");
            }
        }
    }
}

#[test]
fn a_final_phase_never_initialises_and_never_readies() {
    for (phase, birth) in phases() {
        if !matches!(phase, Phase::Resuming | Phase::Joining | Phase::TimedOut) {
            continue;
        }
        for first in inputs() {
            for second in inputs() {
                let mut birth = birth.clone();
                let steps = [birth.step(first.clone()), birth.step(second)];
                for effect in steps.into_iter().flatten().flat_map(|step| step.effects) {
                    let begins = matches!(
                        effect,
                        Effect::Initialise(_) | Effect::AwaitLeader(_) | Effect::SendReady(_)
                    );
                    assert!(!begins, "{phase:?} does {effect:?}");
                }
            }
        }
    }
}

/// The births of [`phases`] that talk, with bonds to a member of the list [1, 2, 3] and to a node that is not of it.
fn bonded() -> Vec<(Phase, Birth)> {
    let talks = |(phase, _): &(Phase, Birth)| !matches!(phase, Phase::Dormant | Phase::TimedOut);
    let mut births: Vec<_> = phases().into_iter().filter(talks).collect();
    for (_, birth) in &mut births {
        for n in [2, 4] {
            // Some have met them already.
            let _ = birth.step(seen(n));
        }
    }
    births
}

/// What these two say and do, and what happens to their bonds.
fn from_the_bonded() -> [Input; 15] {
    let (ours, theirs) = (list(1, 1, &[1, 2, 3]), list(4, 1, &[1, 4, 5]));
    let newer = BootId(40);
    [
        seen(4),
        Input::PeerSeen { member: member(4), boot: newer, eligible: true },
        ready(4),
        Input::PeerReady { peer: peer(4), boot: newer },
        Input::PeerLost { peer: peer(4), boot: BootId(4) },
        Input::PeerLost { peer: peer(4), boot: newer },
        promised(4, &theirs),
        promised(4, &list(4, 1, &[4, 5, 6])),
        promised(4, &list(4, 1, &[1, 4])),
        promised(2, &ours),
        Input::PeerRefused { peer: peer(2), hash: ours.hash() },
        Input::PeerInitialised { peer: peer(4), cluster: theirs.cluster() },
        Input::PeerInitialised { peer: peer(2), cluster: ours.cluster() },
        Input::Evicted(peer(4)),
        Input::Elapsed(Timer::Deadline),
    ]
}

/// What comes of [`from_the_bonded`], in their order but for what is refused in every phase: the reason of a refusal, or the phase after it
/// and what is to be done.
const COMES_OF_IT: [(Phase, [&str; 10]); 5] = [
    (
        Phase::Gathering,
        [
            "Gathering: Ready",
            "Gathering:",
            "Gathering:",
            "Waiting: Persist Promise",
            "Waiting: Persist Promise",
            "NotPromised",
            "Joining: Disarm Report Join",
            "Joining: Disarm Report Join",
            "NoGroup",
            "Gathering: Report",
        ],
    ),
    // Bound to its list: another one is refused for good, and only a refusal or a birth frees it.
    (
        Phase::Waiting,
        [
            "Waiting: Ready",
            "Waiting:",
            "Waiting:",
            "Waiting: Persist Refusal",
            "Waiting: Promise",
            "Gathering: Persist Refusal Refusal Arm",
            "Joining: Disarm Report Join",
            "Concluded: Persist Report Disarm Initialised Initialised Initialised Initialise",
            "NoGroup",
            "Waiting: Report",
        ],
    ),
    (
        Phase::Concluded,
        [
            "Concluded: Initialised",
            "Concluded:",
            "Concluded:",
            "Concluded: Persist Refusal Initialised",
            "Concluded: Initialised",
            "NotPromised",
            "Concluded: Report",
            "Concluded:",
            "Joining: Report Join",
            "NotArmed",
        ],
    ),
    (
        Phase::Resuming,
        [
            "Resuming: Initialised",
            "Resuming:",
            "Resuming:",
            "Resuming: Persist Refusal Initialised",
            "Resuming: Persist Refusal Initialised",
            "NotPromised",
            "Resuming: Report",
            "Resuming:",
            "Joining: Report Join",
            "NotArmed",
        ],
    ),
    // It has nothing to tell, and asks one node at a time.
    (
        Phase::Joining,
        [
            "Joining:",
            "Joining:",
            "Joining:",
            "Joining: Persist Refusal",
            "Joining: Persist Refusal",
            "NotPromised",
            "Joining: Report",
            "Joining:",
            "NoGroup",
            "NotArmed",
        ],
    ),
];

/// A row with what is refused in every phase.
fn whole(
    [newer, ready, lost, theirs, ours, refused, other, same, evicted, deadline]: [&str; 10],
) -> [&str; 15] {
    let (unnamed, wrong) = ("NotNamed", "WrongList");
    [
        "Again",
        newer,
        ready,
        "StaleBoot",
        lost,
        "StaleBoot",
        theirs,
        unnamed,
        wrong,
        ours,
        refused,
        other,
        same,
        evicted,
        deadline,
    ]
}

fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Persist(_) => "Persist",
        Effect::SendHello => "Hello",
        Effect::SendReady(_) => "Ready",
        Effect::SendPromise { .. } => "Promise",
        Effect::SendRefusal { .. } => "Refusal",
        Effect::SendInitialised { .. } => "Initialised",
        Effect::Arm(..) => "Arm",
        Effect::Disarm(_) => "Disarm",
        Effect::Initialise(_) => "Initialise",
        Effect::AwaitLeader(_) => "Await",
        Effect::RequestJoin { .. } => "Join",
        Effect::Report(_) => "Report",
        Effect::StopAsking => "StopAsking",
    }
}

#[test]
fn each_phase_does_with_what_bonded_peers_say_what_the_table_says() {
    for ((phase, birth), (expected_phase, row)) in bonded().into_iter().zip(COMES_OF_IT) {
        assert_eq!((phase, birth.view().phase), (expected_phase, expected_phase));
        for (input, expected) in from_the_bonded().into_iter().zip(whole(row)) {
            let mut after = birth.clone();
            let found = match after.step(input.clone()) {
                Ok(step) => {
                    let names = step.effects.iter().map(|effect| format!(" {}", name(effect)));
                    format!("{:?}:{}", step.view.phase, names.collect::<String>())
                }
                Err(rejected) => format!("{:?}", rejected.reason),
            };
            assert_eq!(found, expected, "{phase:?} and {input:?}");
        }
    }
}
