use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[methods]
impl Ledger {
    pub fn add(&mut self, amount: u64, note: Option<&str>) {
        self.total += amount + note.map_or(0, |note| note.len() as u64);
    }

    pub fn total(&self) -> u64 {
        self.total
    }
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.when().online().await;
    ledger.total().await?;
    Ok(())
}

fn main() {}
