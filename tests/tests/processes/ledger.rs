//! The examples of groups, as a reader of the README starts them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::programs::{LATE, LEDGER, Place, RATE_LIMITER, Running};

#[test]
fn three_tellers_in_one_process_commit() {
    Place::new().shows(LEDGER, "", &["committed 5:", " leads\n"]);
}

/// Killed with a signal that nobody can catch; the others go on, and none of them finds less than was acknowledged to it.
#[test]
fn the_others_go_on_when_the_leader_is_killed() {
    let ended = Place::new().run(LEDGER, "--kill-leader --for 15s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("the leader was killed"), "{ended:?}");
    assert!(!ended.err.contains("panicked"), "{ended:?}");
}

/// The number of the teller's own commit, and what Alice has since.
fn committed(line: &str) -> Option<(u64, u64)> {
    let (count, rest) = line.split_once(" committed ")?.1.split_once(": alice has ")?;
    Some((count.parse().ok()?, rest.split_once(',')?.0.parse().ok()?))
}

/// Three tellers, each a process with a directory of its own.
struct Bank {
    place: Place,
    tellers: BTreeMap<&'static str, Running>,
    /// What those said that were killed.
    gone: Vec<String>,
}

impl Bank {
    fn opens() -> Self {
        let mut bank = Self { place: Place::new(), tellers: BTreeMap::new(), gone: Vec::new() };
        ["a", "b", "c"].into_iter().for_each(|desk| bank.starts(desk));
        bank
    }

    fn starts(&mut self, desk: &'static str) {
        let teller = self.place.start(LEDGER, &format!("teller --data-dir {desk}"));
        self.tellers.insert(desk, teller);
    }

    fn kills(&mut self, desk: &str) {
        let ended = self.tellers.remove(desk).expect("it runs").killed(LATE);
        assert!(!ended.err.contains("panicked"), "{ended:?}");
        self.gone.push(ended.out);
    }

    /// Everybody who is there commits something that is asked for from now on, which leaves Alice with more than this.
    fn goes_on(&mut self, before: u64) {
        for teller in self.tellers.values_mut() {
            // What is said first may have been under way.
            teller.has_said("");
            teller.says(" committed ", LATE);
            let line = teller.says(" committed ", LATE);
            assert!(
                committed(&line).is_some_and(|(_, has)| has > before),
                "{line}, and {before} was told before"
            );
        }
    }

    /// Who leads, as it said last.
    fn leader(&mut self) -> &'static str {
        let leads = |teller: &Running| {
            let last = teller.said().lines().rfind(|line| line.contains(" leads"));
            last.is_some_and(|line| line.ends_with(" leads"))
        };
        loop {
            for teller in self.tellers.values_mut() {
                teller.says(" committed ", LATE);
            }
            if let Some((desk, _)) = self.tellers.iter().find(|(_, teller)| leads(teller)) {
                return desk;
            }
        }
    }

    /// The most that anybody was told that Alice has. Each deposit is five: what was acknowledged, to whomever, is there once.
    fn most(&self) -> u64 {
        let (mut told, mut acknowledged) = (BTreeSet::new(), 0);
        let lives = self.gone.iter().map(String::as_str).chain(self.tellers.values().map(Running::said));
        for life in lives {
            let lines: Vec<_> = life.lines().filter_map(committed).collect();
            for pair in lines.windows(2) {
                assert!(pair[1].1 - pair[0].1 >= 5 * (pair[1].0 - pair[0].0), "less than its own: {pair:?}");
            }
            for (_, has) in &lines {
                assert!(told.insert(*has), "two deposits left alice with {has}");
            }
            acknowledged += lines.last().map_or(0, |(count, _)| *count);
        }
        let most = told.last().copied().unwrap_or(0);
        assert!(most >= 5 * acknowledged, "{acknowledged} deposits were acknowledged, and alice has {most}");
        most
    }

    /// One is killed, with a signal that nobody can catch: the others go on, and so does it on its directory.
    fn does_without(&mut self, desk: &'static str) {
        self.kills(desk);
        self.goes_on(self.most());
        self.leader();
        let before = self.most();
        self.starts(desk);
        let line = self.tellers.get_mut(desk).expect("it runs").says(" committed ", LATE);
        let me = line.split(' ').next();
        assert!(self.gone.iter().any(|said| said.lines().any(|line| line.split(' ').next() == me)), "{line}");
        // It asked after all of that was acknowledged.
        assert!(
            committed(&line).is_some_and(|(_, has)| has > before),
            "{line}, and {before} was told before"
        );
        self.most();
    }
}

#[test]
fn any_teller_may_be_killed_and_comes_back_to_its_directory() {
    let mut bank = Bank::opens();
    let leads = bank.leader();
    let follows = *bank.tellers.keys().find(|desk| **desk != leads).expect("three tellers");
    bank.does_without(follows);
    let leads = bank.leader();
    bank.does_without(leads);
    bank.goes_on(bank.most());
    let desks: Vec<_> = bank.tellers.keys().copied().collect();
    desks.into_iter().for_each(|desk| bank.kills(desk));
    bank.most();
}

/// Which gateway says so, and how many it has let through.
fn admitted(line: &str) -> Option<(String, u32)> {
    let (gateway, rest) = line.split_once(" admitted ")?;
    Some((gateway.to_owned(), rest.split_once(" of ")?.0.parse().ok()?))
}

/// Ten a second and twenty at once, over all gateways together: each of them alone would let more through.
#[test]
fn three_gateways_share_one_limit() {
    let ended = Place::new().run(RATE_LIMITER, "--for 8s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let last: BTreeMap<_, _> = ended.out.lines().filter_map(admitted).collect();
    assert_eq!(last.len(), 3, "{ended:?}");
    let all: u32 = last.values().sum();
    assert!((20..=20 + 8 * 10).contains(&all), "{all}: {ended:?}");
}

/// One of three gateways is killed, with a signal that nobody can catch; the other two still get answers, and within the same limit.
fn one_of_three_is_killed(leader: bool) {
    let (place, begun) = (Place::new(), Instant::now());
    let mut gateways: Vec<_> = (0..3).map(|_| place.start(RATE_LIMITER, "gateway")).collect();
    let leads = loop {
        let said: Vec<_> = gateways.iter_mut().map(|gateway| gateway.says(" admitted ", LATE)).collect();
        if let Some(leads) = said.iter().position(|line| line.ends_with("it leads")) {
            break leads;
        }
    };
    let victim = if leader { leads } else { (leads + 1) % 3 };
    let killed = gateways.remove(victim).killed(LATE);
    let last = |said: &str| said.lines().filter_map(admitted).next_back().map_or(0, |(_, count)| count);
    let gone = last(&killed.out);
    let mut said = || -> Vec<u32> {
        gateways.iter_mut().map(|gateway| last(&gateway.says(" admitted ", LATE))).collect()
    };
    // What was asked before the end may still be in this line.
    let before: u32 = said().iter().sum();
    let alive = loop {
        let now: u32 = said().iter().sum();
        if now >= before + 15 {
            break now;
        }
    };
    let most = 20.0 + 10.0 * begun.elapsed().as_secs_f64();
    assert!(f64::from(alive + gone) <= most, "{alive} and {gone} went through, of {most:.0} that may");
    for gateway in gateways {
        assert!(!gateway.killed(LATE).err.contains("panicked"));
    }
}

#[test]
fn a_limit_holds_through_the_loss_of_the_gateway_that_leads() {
    one_of_three_is_killed(true);
}

#[test]
fn a_limit_holds_through_the_loss_of_another_gateway() {
    one_of_three_is_killed(false);
}
