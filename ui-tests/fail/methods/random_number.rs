use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

mod rand {
    pub fn random() -> u64 {
        4
    }
}

#[methods]
impl Ledger {
    pub fn draw(&mut self) -> u64 {
        self.total = rand::random();
        self.total
    }

    pub fn total(&self) -> u64 {
        self.total
    }
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.draw().await?;
    Ok(())
}

fn main() {}
