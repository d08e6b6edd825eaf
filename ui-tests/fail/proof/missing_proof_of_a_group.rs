use mosaik::prelude::*;

#[derive(Default)]
pub struct Office;

impl mosaik::tickets::Validator for Office {
    fn name(&self) -> &str {
        "Office"
    }

    fn class(&self) -> mosaik::tickets::Class {
        mosaik::tickets::Class::jwt()
    }

    fn validate<'a>(&'a self, _: mosaik::tickets::Shown<'a>) -> mosaik::tickets::Validation<'a> {
        Box::pin(async { Err(mosaik::tickets::Denial::OtherPeer) })
    }
}

#[proof(Office)]
pub struct Badge;

#[group(state_machine, "bank.ledger", voters = 3, require(members = tag("bank") & Badge))]
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

#[mosaik::node(network = "bank", tags = ["bank"])]
async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.deposit(5).await?;
    Ok(())
}

fn main() {}
