use mosaik::prelude::*;

#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[methods]
impl Ledger {
    pub fn age(&self, cx: &Apply) -> u64 {
        cx.now().as_millis()
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
