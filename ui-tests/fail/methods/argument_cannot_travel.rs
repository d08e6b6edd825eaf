use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Amount(u64);

#[methods]
impl Ledger {
    pub fn add(&mut self, amount: Amount) {
        self.total += amount.0;
    }

    pub fn total(&self) -> u64 {
        self.total
    }
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.add(Amount(5)).await?;
    Ok(())
}

fn main() {}
