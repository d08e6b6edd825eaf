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

#[methods]
impl Ledger {
    pub fn add(&mut self, amount: u64) {
        self.total += amount;
    }
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.total().await?;
    Ok(())
}

fn main() {}
