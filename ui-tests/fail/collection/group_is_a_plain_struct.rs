use mosaik::prelude::*;

pub struct Exchange;

#[collection("exchange.asks", group = Exchange)]
pub struct Asks(collections::Map<u64, u64>);

#[mosaik::node]
async fn engine(asks: Writer<Asks>) -> mosaik::Result {
    asks.insert(1, 1).await?;
    Ok(())
}

fn main() {}
