use mosaik::prelude::*;

pub struct Prices(collections::Map<String, u64>);

#[mosaik::node]
async fn oracle(prices: Writer<Prices>) -> mosaik::Result {
    let _ = prices;
    Ok(())
}

fn main() {}
