use mosaik::prelude::*;

#[collection("exchange.prices", voters = 3, round_trip = "3s")]
pub struct Prices(collections::Map<String, u64>);

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
