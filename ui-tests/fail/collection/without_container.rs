use mosaik::prelude::*;

#[collection("exchange.prices", voters = 1)]
pub struct Prices;

#[mosaik::node]
async fn oracle(prices: Writer<Prices>) -> mosaik::Result {
    prices.when().online().await;
    Ok(())
}

#[mosaik::node]
async fn trader(prices: Reader<Prices>) -> mosaik::Result {
    prices.when().online().await;
    Ok(())
}

fn main() {}
