//! The state that is replicated in the stories: a few registers, and everything that was ever written.

use std::collections::BTreeMap;

use mosaik::data;
use mosaik_runtime::groups::{Apply, StateMachine};

use super::linear::Value;

/// Registers that clients write.
pub(super) const REGISTERS: u8 = 3;

/// Registers, and the numbers of all writes in the order in which they were applied. A number is a value too, and no two are equal.
#[data]
#[derive(Debug, Default)]
pub(super) struct Desk {
    registers: BTreeMap<u8, u64>,
    journal: Vec<u64>,
}

/// What changes it. Each says what the register held before.
#[data]
#[derive(Debug, Clone)]
pub(super) enum Write {
    Put {
        register: u8,
        new: u64,
    },
    Swap {
        register: u8,
        from: Option<u64>,
        new: u64,
    },
    /// Breaks off in the middle, after it has changed something.
    Trip {
        new: u64,
    },
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Look {
    At(u8),
    Everything,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Register(Value),
    Journal(Vec<u64>),
}

impl StateMachine for Desk {
    type Command = Write;
    type Reply = Value;
    type Query = Look;
    type Answer = Seen;

    fn apply(&mut self, write: Write, _cx: &Apply) -> Value {
        let (register, from, new) = match write {
            Write::Put { register, new } => (register, self.registers.get(&register).copied(), new),
            Write::Swap { register, from, new } => (register, from, new),
            Write::Trip { new } => {
                self.journal.push(new);
                panic!("on purpose");
            }
        };
        self.journal.push(new);
        let old = self.registers.get(&register).copied();
        if old == from {
            self.registers.insert(register, new);
        }
        old
    }

    fn query(&self, look: Look) -> Seen {
        match look {
            Look::At(register) => Seen::Register(self.registers.get(&register).copied()),
            Look::Everything => Seen::Journal(self.journal.clone()),
        }
    }
}
