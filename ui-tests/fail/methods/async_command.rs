use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[methods]
impl Ledger {
    pub async fn add(&mut self, amount: u64) -> u64 {
        self.total += amount;
        self.total
    }

    pub fn total(&self) -> u64 {
        self.total
    }
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.add(5).await?;
    Ok(())
}

fn main() {}
