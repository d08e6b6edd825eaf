use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger<T> {
    total: T,
}

pub fn total(ledger: Ledger<u64>) -> u64 {
    ledger.total
}

fn main() {}
