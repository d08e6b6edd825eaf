use mosaik::prelude::*;

pub struct Badge;

#[stream("dark.bids", require(consumers = Badge))]
pub struct Bid {
    pub price: u64,
}

#[mosaik::node]
async fn oracle(mut bids: Producer<Bid>) -> mosaik::Result {
    bids.send(Bid { price: 1 }).await?;
    Ok(())
}

fn main() {}
