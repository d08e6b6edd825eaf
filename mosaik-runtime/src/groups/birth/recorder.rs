//! Every input and what it led to, so that a birth can be played again from its log.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Birth, Config, Input, Member, Record, Rejected, Step};
use crate::primitives::codec;

/// How many inputs a recorder keeps.
const MOST_ENTRIES: usize = 4096;

/// One input and the digest of what it led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The input.
    pub input: Input,
    /// BLAKE3 of the encoded step or rejection.
    pub outcome: [u8; 32],
}

/// A birth that can be played again: where it began, and what came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BirthLog {
    /// What it was told.
    pub config: Config,
    /// This node.
    pub me: Member,
    /// What its store held.
    pub record: Record,
    /// The inputs from the beginning, as far as they are whole.
    pub entries: Vec<Entry>,
    /// How many later inputs are not kept.
    pub dropped: u64,
}

/// A birth that keeps its log. After 4 096 inputs it keeps the first half, which decided, and the newest of the rest.
#[derive(Debug)]
pub struct Recorder {
    begin: (Config, Member, Record),
    birth: Birth,
    first: Vec<Entry>,
    newest: VecDeque<Entry>,
    dropped: u64,
}

impl Recorder {
    /// A recorded birth; arguments as for [`Birth::new`].
    pub fn new(config: Config, me: Member, record: Record) -> Self {
        let begin = (config.clone(), me, record.clone());
        let birth = Birth::new(config, me, record);
        Self { begin, birth, first: Vec::new(), newest: VecDeque::new(), dropped: 0 }
    }

    /// Takes one input, and notes it.
    pub fn step(&mut self, input: Input) -> Result<Step, Rejected> {
        let outcome = self.birth.step(input.clone());
        self.note(Entry { input, outcome: digest(&outcome) });
        outcome
    }

    /// The birth itself.
    pub fn birth(&self) -> &Birth {
        &self.birth
    }

    /// The log from the beginning, as far as it is whole.
    pub fn log(&self) -> BirthLog {
        let whole = self.dropped == 0;
        let rest = self.newest.iter().filter(|_| whole);
        let entries = self.first.iter().chain(rest).cloned().collect();
        // The newest ones do not follow on the first ones.
        let dropped = if whole { 0 } else { self.dropped + self.newest.len() as u64 };
        let (config, me, record) = self.begin.clone();
        BirthLog { config, me, record, entries, dropped }
    }

    fn note(&mut self, entry: Entry) {
        if self.first.len() < MOST_ENTRIES / 2 {
            return self.first.push(entry);
        }
        if self.newest.len() == MOST_ENTRIES / 2 {
            self.newest.pop_front();
            self.dropped += 1;
        }
        self.newest.push_back(entry);
    }
}

/// A replay did not lead to what was recorded: the log is not of this birth, or of another version of the machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the replay differs at input {at}")]
pub struct Diverged {
    /// The index of the input.
    pub at: usize,
}

impl BirthLog {
    /// Plays the birth again and compares each outcome, byte for byte.
    ///
    /// # Errors
    ///
    /// At the first input that leads to something else.
    pub fn replay(&self) -> Result<Birth, Diverged> {
        let mut birth = Birth::new(self.config.clone(), self.me, self.record.clone());
        for (at, entry) in self.entries.iter().enumerate() {
            let outcome = birth.step(entry.input.clone());
            if digest(&outcome) != entry.outcome {
                return Err(Diverged { at });
            }
        }
        Ok(birth)
    }
}

fn digest(outcome: &Result<Step, Rejected>) -> [u8; 32] {
    // impossible: these types encode; an empty encoding would only make every outcome look alike.
    let bytes = codec::encode(outcome).unwrap_or_default();
    *blake3::hash(&bytes).as_bytes()
}
