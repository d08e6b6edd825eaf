use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[methods]
impl Ledger {
    pub fn total(&self) -> u64 {
        self.total
    }
}

pub trait Account {
    fn add(&mut self, amount: u64);
}

#[methods]
impl Account for Ledger {
    fn add(&mut self, amount: u64) {
        self.total += amount;
    }
}

fn main() {
    Ledger::default().add(5);
}
