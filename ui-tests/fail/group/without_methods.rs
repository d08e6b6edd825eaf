use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[mosaik::node]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.when().online().await;
    Ok(())
}

fn main() {}
