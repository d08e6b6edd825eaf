use mosaik::prelude::*;

#[methods]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

fn main() {
    assert_eq!(Ledger::default().total, 0);
}
