//! Durable members that are killed again and again, with a signal that nobody can catch.

use std::collections::{BTreeMap, BTreeSet};

use mosaik_runtime::primitives::NodeRng;

use crate::programs::{CLERK, LATE, Place, Running};

/// Rounds of every run, and of a long one with `MOSAIK_LONG` set.
const ROUNDS: u64 = 30;
const LONG: u64 = 1000;

/// What the clerks said of their entries.
#[derive(Default)]
struct Said {
    fates: BTreeMap<String, String>,
}

impl Said {
    fn hear(&mut self, out: &str) {
        for line in out.lines() {
            let mut words = line.split([' ', ':']);
            if let (Some(fate @ ("in" | "out" | "open")), Some(entry)) = (words.next(), words.next()) {
                self.fates.insert(entry.to_owned(), fate.to_owned());
            }
        }
    }

    /// Holds the rolls to it.
    fn balances<'a>(&self, rolls: impl Iterator<Item = &'a str>) {
        let mut once = BTreeSet::new();
        for entry in rolls {
            assert!(once.insert(entry), "{entry} is in the rolls twice");
        }
        let is_lost = |(entry, fate): &(&String, &String)| *fate == "in" && !once.contains(entry.as_str());
        let lost: Vec<_> = self.fates.iter().filter(is_lost).map(|(entry, _)| entry.as_str()).collect();
        assert!(lost.is_empty(), "{lost:?} were acknowledged and are lost; there are {once:?}");
        for (entry, _) in self.fates.iter().filter(|(_, fate)| *fate == "out") {
            assert!(!once.contains(entry.as_str()), "{entry} was rejected and is there");
        }
        let acknowledged = self.fates.values().filter(|fate| *fate == "in").count();
        println!("{acknowledged} acknowledged, {} in the rolls", once.len());
        assert!(acknowledged > 100, "only {acknowledged} entries were acknowledged");
    }
}

fn start(place: &Place, clerk: usize, life: u64) -> Running {
    place.start(CLERK, &format!("--data-dir clerk-{clerk} --life {clerk}-{life}"))
}

/// Says what was said, and starts the clerk in another life.
fn replace(place: &Place, clerk: Running, number: usize, life: u64, said: &mut Said) -> Running {
    said.hear(&clerk.killed(LATE).out);
    start(place, number, life)
}

#[test]
fn r3_r8_f1_thirty_kills_lose_nothing_that_was_acknowledged_and_repeat_nothing() {
    let rounds = if std::env::var_os("MOSAIK_LONG").is_some() { LONG } else { ROUNDS };
    let (place, mut rng, mut said) = (Place::new(), NodeRng::from_seed(9), Said::default());
    let mut clerks: Vec<_> = (0..3).map(|clerk| start(&place, clerk, 0)).collect();
    clerks.iter_mut().for_each(|clerk| drop(clerk.says("online", LATE)));
    for round in 1..=rounds {
        let victim = rng.below(3);
        // Somebody gets something done, then the victim goes, in the middle of whatever it does.
        clerks[rng.below(3)].says("in ", LATE);
        let killed = clerks.remove(victim);
        clerks.insert(victim, replace(&place, killed, victim, round, &mut said));
        clerks[victim].says("online", LATE);
    }
    // What all lives but the last ones said counts, and what the asked one says before it answers.
    let mut asked = clerks.remove(0);
    said.hear(&clerks.remove(1).killed(LATE).out);
    asked.type_line("what do the rolls hold?");
    let rolls = asked.says("rolls ", LATE);
    let told = asked.killed(LATE).out;
    said.hear(told.split("rolls ").next().unwrap_or_default());
    said.balances(rolls.split(' ').skip(1));
}
