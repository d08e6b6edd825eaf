use mosaik::prelude::*;

#[collection("exchange.prices", voters = 1)]
pub struct Prices<T>(collections::Map<String, T>);

fn main() {}
