use mosaik::prelude::*;

#[group(collections, "exchange", voters = 3)]
pub struct Exchange {
    pub bids: Bids,
}

#[collection("exchange.bids", voters = 3)]
pub struct Bids(collections::Map<u64, u64>);

#[mosaik::node]
async fn engine(exchange: Writer<Exchange>) -> mosaik::Result {
    exchange.bids.insert(1, 1).await?;
    Ok(())
}

fn main() {}
