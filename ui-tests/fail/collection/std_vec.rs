use mosaik::prelude::*;

#[collection("exchange.prices", voters = 1)]
pub struct Prices(Vec<u64>);

#[mosaik::node]
async fn oracle(prices: Writer<Prices>) -> mosaik::Result {
    let _ = prices;
    Ok(())
}

#[mosaik::node]
async fn trader(prices: Reader<Prices>) -> mosaik::Result {
    let _ = prices;
    Ok(())
}

fn main() {}
