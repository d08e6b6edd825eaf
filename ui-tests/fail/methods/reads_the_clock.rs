use std::time::SystemTime;

use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
    #[mosaik(schema = "time.v1")]
    at: Option<SystemTime>,
}

#[methods]
impl Ledger {
    pub fn touch(&mut self) {
        self.at = Some(SystemTime::now());
    }

    pub fn total(&self) -> u64 {
        self.total
    }
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.touch().await?;
    Ok(())
}

fn main() {}
