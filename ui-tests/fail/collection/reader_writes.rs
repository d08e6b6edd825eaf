use mosaik::prelude::*;

#[collection("exchange.prices", voters = 1)]
pub struct Prices(collections::Map<String, u64>);

#[mosaik::node]
async fn trader(prices: Reader<Prices>) -> mosaik::Result {
    prices.insert("ETH".into(), 3812).await?;
    Ok(())
}

fn main() {}
