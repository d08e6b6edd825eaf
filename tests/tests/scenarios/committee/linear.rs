//! Is what clients saw of a register possible, if every operation happened at one moment between its call and its return?
//!
//! The search is that of Wing and Gong (1993), which remembers the configurations that it has seen as Lowe (2017) does. A search
//! that takes too long is no verdict, and the caller must treat it as a failure.

use std::collections::BTreeSet;

/// A value of the register; `None` before the first write.
pub(super) type Value = Option<u64>;

/// What was done, and what came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Writes. `old` is what the register was said to hold before, if there was an answer.
    Put { new: u64, old: Option<Value> },
    /// Writes if the register holds `from`. `old` as above: it was written if the two are equal.
    Swap { from: Value, new: u64, old: Option<Value> },
    /// Reads.
    Get { got: Value },
}

/// One operation. Moments are numbers of events, so that no two are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) call: u64,
    /// `None`: nobody knows whether it happened, or it may still happen.
    pub(super) ret: Option<u64>,
    pub(super) act: Act,
}

/// Why a history was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No order explains it; the longest one that does explains so many operations.
    Impossible { explained: usize, of: usize },
    /// The search was given up.
    TooLong,
}

/// Configurations that a search may visit.
const PATIENCE: usize = 400_000;

/// What the register holds after the operation; `None` when it cannot happen in this state.
fn step(state: Value, act: &Act) -> Option<Value> {
    let saw = |old: &Option<Value>| old.is_none_or(|old| old == state);
    match act {
        Act::Put { new, old } => saw(old).then_some(Some(*new)),
        Act::Swap { from, new, old } => saw(old).then_some(if state == *from { Some(*new) } else { state }),
        Act::Get { got } => (*got == state).then_some(state),
    }
}

/// Checks the history of one register that is empty at first.
pub(super) fn check(history: &[Op]) -> Result<(), Verdict> {
    let mut ops = needed(history);
    ops.sort_by_key(|op| op.call);
    Search { done: vec![0; ops.len().div_ceil(64)], ops: &ops, seen: BTreeSet::new(), best: 0 }.run()
}

/// All operations but those without an answer whose value nobody ever saw: as every answer tells what the register held, such a
/// write was either undone by another before anybody looked, or did not happen, and both look the same.
fn needed(history: &[Op]) -> Vec<Op> {
    let seen = |op: &Op| match op.act {
        Act::Put { old, .. } => old.flatten(),
        // Without an answer it may have found what it looks for.
        Act::Swap { from, old, .. } => old.unwrap_or(from),
        Act::Get { got } => got,
    };
    let seen: BTreeSet<u64> = history.iter().filter_map(seen).collect();
    let needed = |op: &&Op| match op.act {
        Act::Put { new, .. } | Act::Swap { new, .. } => op.ret.is_some() || seen.contains(&new),
        Act::Get { .. } => op.ret.is_some(),
    };
    history.iter().filter(needed).copied().collect()
}

struct Search<'a> {
    /// By their calls.
    ops: &'a [Op],
    done: Vec<u64>,
    seen: BTreeSet<(Vec<u64>, Value)>,
    best: usize,
}

impl Search<'_> {
    fn is_done(&self, at: usize) -> bool {
        self.done[at / 64] >> (at % 64) & 1 == 1
    }

    fn flip(&mut self, at: usize) {
        self.done[at / 64] ^= 1 << (at % 64);
    }

    fn run(mut self) -> Result<(), Verdict> {
        // What was chosen, the state before it, and where to look next if it leads nowhere.
        let mut path: Vec<(usize, Value)> = Vec::new();
        let (mut state, mut from) = (None, 0);
        loop {
            if self.is_over() {
                return Ok(());
            }
            if let Some((at, next)) = self.choose(state, from) {
                self.flip(at);
                if self.seen.insert((self.done.clone(), next)) {
                    path.push((at, state));
                    self.best = self.best.max(path.len());
                    (state, from) = (next, 0);
                } else {
                    self.flip(at);
                    from = at + 1;
                }
                if self.seen.len() > PATIENCE {
                    return Err(Verdict::TooLong);
                }
            } else if let Some((at, before)) = path.pop() {
                self.flip(at);
                (state, from) = (before, at + 1);
            } else {
                return Err(Verdict::Impossible { explained: self.best, of: self.ops.len() });
            }
        }
    }

    /// Whether everything that returned has its place.
    fn is_over(&self) -> bool {
        (0..self.ops.len()).all(|at| self.is_done(at) || self.ops[at].ret.is_none())
    }

    /// The first operation from `from` on that can happen now: it was called before any that is left has returned.
    fn choose(&self, state: Value, from: usize) -> Option<(usize, Value)> {
        let left = || (0..self.ops.len()).filter(|at| !self.is_done(*at));
        let first_return = left().filter_map(|at| self.ops[at].ret).min().unwrap_or(u64::MAX);
        left()
            .take_while(|at| self.ops[*at].call < first_return)
            .filter(|at| *at >= from)
            .find_map(|at| step(state, &self.ops[at].act).map(|next| (at, next)))
    }
}

#[cfg(test)]
mod tests {
    use mosaik_runtime::primitives::NodeRng;

    use super::*;

    /// Every order, one after the other.
    fn by_force(ops: &[Op]) -> bool {
        fn go(ops: &[Op], left: &mut Vec<usize>, state: Value) -> bool {
            if left.iter().all(|at| ops[*at].ret.is_none()) {
                return true;
            }
            for place in 0..left.len() {
                let at = left.remove(place);
                let earlier = left.iter().any(|other| ops[*other].ret.is_some_and(|ret| ret < ops[at].call));
                let found = !earlier && step(state, &ops[at].act).is_some_and(|next| go(ops, left, next));
                left.insert(place, at);
                if found {
                    return true;
                }
            }
            false
        }
        go(ops, &mut (0..ops.len()).collect(), None)
    }

    /// A history of a few clients; its answers are those of a register, or drawn.
    fn draw(rng: &mut NodeRng) -> Vec<Op> {
        let count = 1 + rng.below(7);
        let mut moments: Vec<u64> = (0..2 * count as u64).collect();
        let value = |rng: &mut NodeRng| [None, Some(1), Some(2), Some(3)][rng.below(4)];
        let mut ops = Vec::new();
        for _ in 0..count {
            let one = moments.remove(rng.below(moments.len()));
            let other = moments.remove(rng.below(moments.len()).min(rng.below(4)));
            let answered = rng.below(4) > 0;
            let old = if answered { Some(value(rng)) } else { None };
            let new = 1 + rng.below(3) as u64;
            let act = match rng.below(3) {
                0 => Act::Put { new, old },
                1 => Act::Swap { from: value(rng), new, old },
                _ => Act::Get { got: value(rng) },
            };
            ops.push(Op { call: one.min(other), ret: answered.then_some(one.max(other)), act });
        }
        ops
    }

    #[test]
    fn the_search_agrees_with_brute_force() {
        let mut rng = NodeRng::from_seed(1);
        let (mut possible, mut impossible) = (0, 0);
        for case in 0..6000 {
            let ops = draw(&mut rng);
            let found = check(&ops);
            assert_ne!(found, Err(Verdict::TooLong), "{ops:?}");
            assert_eq!(found.is_ok(), by_force(&ops), "case {case}: {ops:?}");
            *if found.is_ok() { &mut possible } else { &mut impossible } += 1;
        }
        assert!(possible > 300 && impossible > 300, "{possible} possible, {impossible} impossible");
    }

    #[test]
    fn a_read_of_what_was_overwritten_is_found() {
        let put = |call, new, old| Op { call, ret: Some(call + 1), act: Act::Put { new, old: Some(old) } };
        let mut history = vec![put(0, 1, None), put(2, 2, Some(1))];
        history.push(Op { call: 4, ret: Some(5), act: Act::Get { got: Some(1) } });
        assert_eq!(check(&history), Err(Verdict::Impossible { explained: 2, of: 3 }));
        history[2].act = Act::Get { got: Some(2) };
        assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn a_write_without_an_answer_may_come_late_or_never() {
        let lost = Op { call: 0, ret: None, act: Act::Put { new: 7, old: None } };
        let get = |call, got| Op { call, ret: Some(call + 1), act: Act::Get { got } };
        assert_eq!(check(&[lost, get(1, None), get(3, Some(7))]), Ok(()));
        assert_eq!(check(&[lost, get(1, None)]), Ok(()));
        assert!(check(&[lost, get(1, Some(7)), get(3, None)]).is_err());
    }
}
