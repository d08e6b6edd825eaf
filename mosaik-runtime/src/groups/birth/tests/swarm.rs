//! Births under partitions, crashes and restarts: never two groups, and one in the end.

use super::{
    lab::{Crash, Lab},
    *,
};

/// Runs one seed; `lists` is who may vote for whom.
fn run(seed: u64, voters: Voters, nodes: u8, in_memory: bool, crash: Option<Crash>) -> Lab {
    let config = Config { in_memory, ..Config::new(group(), voters) };
    let mut lab = Lab::new(seed, config, nodes);
    for _ in 0..400 {
        lab.happen(crash);
    }
    lab.heal();
    lab.replay_all();
    lab
}

/// After everything healed, all are of one group.
fn all_of_one_group(lab: &Lab, seed: u64) {
    let views = lab.views();
    let first = views.first().and_then(|view| view.cluster);
    let born = |view: &View| {
        matches!(view.phase, Phase::Concluded | Phase::Resuming | Phase::Joining) && view.cluster == first
    };
    assert!(first.is_some() && views.iter().all(born), "seed {seed}: {views:#?}\n{}", lab.log.join("\n"));
}

#[test]
fn lists_of_three_among_three_to_five_nodes_make_one_group() {
    for seed in 0..240 {
        let nodes = 3 + u8::try_from(seed % 3).expect("small");
        let lab = run(seed, Voters::Count(3), nodes, false, Some(Crash::KeepsAll));
        all_of_one_group(&lab, seed);
        assert_eq!(lab.initialised.len(), 1, "seed {seed}");
    }
}

#[test]
fn a_given_list_makes_one_group_beside_nodes_that_are_not_of_it() {
    let voters = Voters::List([1, 2, 4].map(peer).into());
    for seed in 0..120 {
        let lab = run(seed, voters.clone(), 5, false, Some(Crash::KeepsAll));
        all_of_one_group(&lab, seed);
    }
}

#[test]
fn lost_stores_never_make_two_groups_that_can_commit() {
    for seed in 0..160 {
        let nodes = 3 + u8::try_from(seed % 3).expect("small");
        run(seed, Voters::Count(3), nodes, true, Some(Crash::LosesStore));
        run(seed, Voters::Count(3), nodes, false, Some(Crash::LosesStore));
    }
}

#[test]
fn committees_of_one_to_thirteen_are_born() {
    for count in 1..=13u8 {
        let voters = Voters::List((1..=count).map(peer).collect());
        for crash in [None, Some(Crash::KeepsAll)] {
            let lab = run(u64::from(count), voters.clone(), count, false, crash);
            all_of_one_group(&lab, u64::from(count));
            assert_eq!(lab.initialised.len(), 1, "{count} voters");
        }
    }
}

#[test]
fn a_founder_makes_one_group() {
    for seed in 0..120 {
        let nodes = 1 + u8::try_from(seed % 5).expect("small");
        for crash in [Crash::KeepsAll, Crash::LosesStore, Crash::LosesAll] {
            let lab = run(seed, Voters::Founder, nodes, false, Some(crash));
            assert_eq!(lab.initialised.len(), 1, "seed {seed}, {crash:?}\n{}", lab.log.join("\n"));
            let born = lab.initialised.keys().next();
            let other =
                lab.views().into_iter().find(|view| view.cluster.is_some() && view.cluster.as_ref() != born);
            assert_eq!(other, None, "seed {seed}, {crash:?}");
            // Where every store that held it is gone, it is gone: the right was used.
            if matches!(crash, Crash::KeepsAll) || lab.is_held() {
                all_of_one_group(&lab, seed);
            }
        }
    }
}
