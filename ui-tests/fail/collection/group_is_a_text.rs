use mosaik::prelude::*;

#[collection("exchange.bids", group = "exchange")]
pub struct Bids(collections::Map<u64, u64>);

#[mosaik::node]
async fn engine(bids: Writer<Bids>) -> mosaik::Result {
    bids.when().online().await;
    Ok(())
}

fn main() {}
