use mosaik::prelude::*;

#[group(collections, "exchange", voters = 3)]
pub struct Exchange {
    pub bids: Bids,
}

pub struct Bids(collections::Map<u64, u64>);

#[mosaik::node]
async fn engine(exchange: Writer<Exchange>) -> mosaik::Result {
    exchange.when().online().await;
    Ok(())
}

fn main() {}
