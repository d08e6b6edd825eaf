use std::collections::HashMap;

use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[methods]
impl Ledger {
    pub fn add(&mut self, amounts: Vec<(String, u64)>) {
        let amounts: HashMap<_, _> = amounts.into_iter().collect();
        self.total = amounts.values().fold(self.total, |total, amount| total * 2 + amount);
    }

    pub fn total(&self) -> u64 {
        self.total
    }
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.add(Vec::new()).await?;
    Ok(())
}

fn main() {}
