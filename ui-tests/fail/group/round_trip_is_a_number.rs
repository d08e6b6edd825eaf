use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3, round_trip = 800)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[methods]
impl Ledger {
    pub fn deposit(&mut self, amount: u64) -> u64 {
        self.total += amount;
        self.total
    }
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.when().online().await;
    ledger.deposit(5).await?;
    Ok(())
}

fn main() {}
