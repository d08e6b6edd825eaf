use mosaik::prelude::*;

#[collection("exchange.bids", group = Exchange)]
pub struct Bids(collections::Map<u64, u64>);

#[group(collections, "exchange")]
pub struct Exchange {
    pub bids: Bids,
}

#[mosaik::node]
async fn board(exchange: Reader<Exchange>) -> mosaik::Result {
    let _ = exchange.bids.get(&1);
    Ok(())
}

fn main() {}
