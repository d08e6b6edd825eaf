use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[methods]
impl Ledger {
    pub async fn half(&self) -> u64 {
        self.total / 2
    }

    pub fn total(&self) -> u64 {
        self.total
    }
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.half().await?;
    Ok(())
}

fn main() {}
