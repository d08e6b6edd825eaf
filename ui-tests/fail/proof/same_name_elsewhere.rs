//! A proof of the same name in another module is another proof.

use mosaik::{
    prelude::*,
    tickets::{Class, Denial, Shown, Validation, Validator},
};

#[derive(Default)]
pub struct Office;

impl Validator for Office {
    fn name(&self) -> &str {
        "Office"
    }

    fn class(&self) -> Class {
        Class::jwt()
    }

    fn validate<'a>(&'a self, _: Shown<'a>) -> Validation<'a> {
        Box::pin(async { Err(Denial::OtherPeer) })
    }
}

mod desks {
    #[mosaik::proof(super::Office)]
    pub struct Ticket;
}

mod guests {
    #[mosaik::proof(super::Office)]
    pub struct Ticket;
}

#[stream("dark.bids", require(producers = desks::Ticket))]
pub struct Bid(u64);

#[mosaik::node(network = "dark", proves = guests::Ticket)]
async fn guest(mut bids: Producer<Bid>) -> mosaik::Result {
    bids.send(Bid(1)).await?;
    Ok(())
}

fn main() {}
