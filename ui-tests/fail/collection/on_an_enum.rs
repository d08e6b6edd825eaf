use mosaik::prelude::*;

#[collection("exchange.prices", voters = 1)]
pub enum Prices {
    Map(collections::Map<String, u64>),
}

fn main() {}
