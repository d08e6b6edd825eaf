use mosaik::prelude::*;

#[group(collections, "exchange", voters = 3)]
pub struct Exchange;

#[mosaik::node]
async fn engine(exchange: Writer<Exchange>) -> mosaik::Result {
    exchange.when().online().await;
    Ok(())
}

fn main() {}
