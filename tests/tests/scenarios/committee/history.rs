//! What clients and onlookers saw of a group, and whether it could be.

use std::collections::{BTreeMap, BTreeSet};

use mosaik_runtime::{
    groups::{CommandError, MemberId},
    node::{Error, Result},
};

use super::linear::{Act, Op, Value, Verdict, check};

/// A promise that was broken: the label of what must hold, and what happened.
pub(super) fn broken(label: &str, what: String) -> Error {
    Error::msg(format!("{label}: {what}"))
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was acknowledged.
    Done,
    /// It surely was not applied.
    Refused,
    /// Nobody knows.
    Open,
    /// It panicked.
    Tripped,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct History {
    moment: u64,
    next: u64,
    operations: BTreeMap<u8, Vec<Op>>,
    fates: BTreeMap<u64, Fate>,
    /// Who led in a term.
    leaders: BTreeMap<u64, MemberId>,
    /// The journal at an index of the log.
    journals: BTreeMap<u64, Vec<u64>>,
    pub(super) acknowledged: u64,
    pub(super) reads: u64,
    pub(super) unknown: u64,
    pub(super) refused: u64,
}

impl History {
    /// The number of this event.
    pub(super) fn moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    /// A value that nobody wrote before.
    pub(super) fn value(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A client is about to write: until it hears more, nobody knows.
    pub(super) fn will_write(&mut self, new: u64) {
        self.fates.insert(new, Fate::Open);
    }

    /// A client heard what came of its write.
    pub(super) fn wrote(
        &mut self,
        (register, call, act): (u8, u64, Act),
        new: u64,
        outcome: &Result<Value, CommandError>,
    ) -> Result<()> {
        let ret = self.moment();
        let told = |old| match act {
            Act::Put { new, .. } => Act::Put { new, old },
            Act::Swap { from, new, .. } => Act::Swap { from, new, old },
            get => get,
        };
        let (fate, op) = match outcome {
            Ok(old) => (Fate::Done, Some(Op { call, ret: Some(ret), act: told(Some(*old)) })),
            Err(CommandError::Unknown(_)) => (Fate::Open, Some(Op { call, ret: None, act: told(None) })),
            Err(CommandError::Rejected(_)) => (Fate::Refused, None),
            Err(error) => return Err(broken("R6", format!("a write ended with {error}"))),
        };
        *match fate {
            Fate::Done => &mut self.acknowledged,
            Fate::Refused => &mut self.refused,
            _ => &mut self.unknown,
        } += 1;
        self.fates.insert(new, fate);
        self.operations.entry(register).or_default().extend(op);
        Ok(())
    }

    /// A write that never came to its end: the node of its client crashed.
    pub(super) fn cut_off(&mut self, register: u8, call: u64, act: Act) {
        self.unknown += 1;
        self.operations.entry(register).or_default().push(Op { call, ret: None, act });
    }

    /// A client heard what came of a command that panics.
    pub(super) fn tripped(&mut self, new: u64, outcome: &Result<Value, CommandError>) -> Result<()> {
        let fate = match outcome {
            Ok(_) => return Err(broken("LC10", "a command that panics was answered".to_owned())),
            Err(CommandError::Rejected(_)) => Fate::Refused,
            Err(_) => Fate::Tripped,
        };
        self.fates.insert(new, fate);
        Ok(())
    }

    /// A client read.
    pub(super) fn read(&mut self, register: u8, call: u64, got: Value) {
        let ret = Some(self.moment());
        self.reads += 1;
        self.operations.entry(register).or_default().push(Op { call, ret, act: Act::Get { got } });
    }

    /// R1: at most one member leads in a term.
    pub(super) fn leads(&mut self, term: u64, member: MemberId) -> Result<()> {
        let first = *self.leaders.entry(term).or_insert(member);
        if first == member {
            Ok(())
        } else {
            Err(broken("R1", format!("{first} and {member} lead in term {term}")))
        }
    }

    /// R2 and R5: at one index of the log all members have one state, and no later state takes back an earlier one.
    pub(super) fn looks(&mut self, index: u64, journal: Vec<u64>) -> Result<()> {
        if let Some(known) = self.journals.get(&index) {
            let same = *known == journal;
            return if same { Ok(()) } else { Err(broken("R5", format!("two states at index {index}"))) };
        }
        let before = self.journals.range(..index).next_back();
        let after = self.journals.range(index..).next();
        if before.is_some_and(|(_, before)| !journal.starts_with(before))
            || after.is_some_and(|(_, after)| !after.starts_with(&journal))
        {
            return Err(broken(
                "R2",
                format!("the state at index {index} is not of one history with those beside it"),
            ));
        }
        self.journals.insert(index, journal);
        Ok(())
    }

    /// The newest state that anybody saw.
    pub(super) fn last_journal(&self) -> Vec<u64> {
        self.journals.last_key_value().map(|(_, journal)| journal.clone()).unwrap_or_default()
    }

    /// R3, R8, R9: what was acknowledged is there, once; what was refused is not; and nothing is there that nobody wrote.
    pub(super) fn balances(&self, journal: &[u64]) -> Result<()> {
        let once: BTreeSet<u64> = journal.iter().copied().collect();
        if once.len() != journal.len() {
            return Err(broken("R8", "a write was applied twice".to_owned()));
        }
        for (new, fate) in &self.fates {
            match (fate, once.contains(new)) {
                (Fate::Done, false) => {
                    return Err(broken("R3", format!("{new} was acknowledged and is lost")));
                }
                (Fate::Refused, true) => {
                    return Err(broken("R9", format!("{new} was rejected and is there")));
                }
                (Fate::Tripped, true) => return Err(broken("LC10", format!("{new} panicked and is there"))),
                _ => {}
            }
        }
        match once.iter().find(|new| !self.fates.contains_key(new)) {
            Some(new) => Err(broken("R6", format!("nobody wrote {new}"))),
            None => Ok(()),
        }
    }

    /// R6, R7: the history of each register is linearizable.
    pub(super) fn is_linearizable(&self) -> Result<()> {
        for (register, ops) in &self.operations {
            match check(ops) {
                Ok(()) => {}
                Err(Verdict::TooLong) => {
                    return Err(broken("R6", format!("no verdict on register {register}")));
                }
                Err(Verdict::Impossible { explained, of }) => {
                    let what =
                        format!("register {register}: only {explained} of {of} operations can be explained");
                    return Err(broken("R6", what));
                }
            }
        }
        Ok(())
    }
}
