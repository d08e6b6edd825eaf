use mosaik::prelude::*;

#[collection("exchange.bids", group = Exchange)]
pub struct Bids(collections::Map<u64, u64>);

#[group(collections, "exchange", voters = 3, from = Bids)]
pub struct Exchange {
    pub bids: Bids,
}

#[mosaik::node]
async fn engine(exchange: Writer<Exchange>) -> mosaik::Result {
    exchange.bids.insert(1, 1).await?;
    Ok(())
}

fn main() {}
