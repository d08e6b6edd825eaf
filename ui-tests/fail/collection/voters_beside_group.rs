use mosaik::prelude::*;

#[group(collections, "exchange", voters = 3)]
pub struct Exchange {
    pub bids: Bids,
}

#[collection("exchange.bids", group = Exchange, voters = 3)]
pub struct Bids(collections::Map<u64, u64>);

#[mosaik::node]
async fn engine(exchange: Writer<Exchange>, bids: Writer<Bids>) -> mosaik::Result {
    exchange.when().online().await;
    bids.when().online().await;
    Ok(())
}

fn main() {}
