use mosaik::prelude::*;

#[group(collections, "exchange", voters = 3)]
pub struct Exchange {
    pub bids: Bids,
}

#[collection("exchange.bids", group = Exchange)]
pub struct Bids(collections::Map<u64, u64>);

#[collection("exchange.asks", group = Exchange)]
pub struct Asks(collections::Map<u64, u64>);

#[mosaik::node]
async fn engine(exchange: Writer<Exchange>, asks: Writer<Asks>) -> mosaik::Result {
    exchange.transaction(|tx| tx.on(&asks).insert(1, 1)).await?;
    Ok(())
}

fn main() {}
