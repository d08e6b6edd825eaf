//! Which producers a consumer subscribes to when it prefers the nearest ones.

use std::{collections::BTreeSet, time::Duration};

use crate::primitives::PeerId;

/// A producer that could be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Who it is.
    pub peer: PeerId,
    /// How far away it is; `None` before the first measurement.
    pub rtt: Option<Duration>,
    /// It is one of the present choice.
    pub chosen: bool,
    /// Its items come.
    pub up: bool,
    /// It has just refused.
    pub refused: bool,
}

impl Candidate {
    /// What is better comes first: who did not refuse, and is nearer. A challenger must be clearly nearer, at most half as far.
    fn rank(&self) -> (bool, Duration, bool, PeerId) {
        let rtt = self.rtt.unwrap_or(Duration::MAX);
        let far = if self.chosen || self.up { rtt / 2 } else { rtt };
        (self.refused, far, !(self.chosen || self.up), self.peer)
    }
}

/// What to do about a set of candidates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Who is wanted.
    pub wanted: BTreeSet<PeerId>,
    /// Whose items come and are taken until those of all the wanted ones do.
    pub spare: BTreeSet<PeerId>,
}

/// The best `most` candidates, and those that stay until these are up.
pub fn choose(candidates: impl IntoIterator<Item = Candidate>, most: usize) -> Choice {
    let mut ranked: Vec<Candidate> = candidates.into_iter().collect();
    ranked.sort_by_key(Candidate::rank);
    let others = ranked.split_off(most.min(ranked.len()));
    let missing = most - ranked.iter().filter(|candidate| candidate.up).count();
    let spare = others.into_iter().filter(|candidate| candidate.up).take(missing);
    Choice {
        wanted: ranked.iter().map(|candidate| candidate.peer).collect(),
        spare: spare.map(|candidate| candidate.peer).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far(number: u8, millis: u64) -> Candidate {
        let (peer, rtt) = (PeerId::from_bytes([number; 32]), Some(Duration::from_millis(millis)));
        Candidate { peer, rtt, chosen: false, up: false, refused: false }
    }

    fn up(number: u8, millis: u64) -> Candidate {
        Candidate { chosen: true, up: true, ..far(number, millis) }
    }

    fn numbers(peers: &BTreeSet<PeerId>) -> Vec<u8> {
        peers.iter().map(|peer| peer.as_bytes()[0]).collect()
    }

    #[test]
    fn the_nearest_are_wanted_and_a_challenger_must_be_clearly_nearer() {
        let unknown = Candidate { rtt: None, ..far(9, 0) };
        assert_eq!(numbers(&choose([unknown, far(1, 30), far(2, 20), far(3, 10)], 2).wanted), [2, 3]);
        assert_eq!(numbers(&choose([up(1, 30), far(2, 20)], 1).wanted), [1]);
        assert_eq!(numbers(&choose([up(1, 30), far(2, 10)], 1).wanted), [2]);
    }

    #[test]
    fn who_has_just_refused_comes_last() {
        let refused = |number, millis| Candidate { refused: true, chosen: true, ..far(number, millis) };
        assert_eq!(
            numbers(&choose([refused(1, 1), refused(2, 2), far(3, 90), far(4, 80)], 2).wanted),
            [3, 4]
        );
        assert_eq!(numbers(&choose([refused(1, 1), refused(2, 2), far(3, 90)], 2).wanted), [1, 3]);
    }

    #[test]
    fn what_comes_is_given_up_only_when_the_better_one_comes() {
        let before = choose([up(1, 30), far(2, 10)], 1);
        assert_eq!((numbers(&before.wanted), numbers(&before.spare)), (vec![2], vec![1]));
        let after = choose([up(1, 30), up(2, 10)], 1);
        assert_eq!((numbers(&after.wanted), after.spare.len()), (vec![2], 0));
    }
}
