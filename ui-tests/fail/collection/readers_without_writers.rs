//! Who may write has a copy of everything, so a rule for readers alone keeps nothing from anybody.

use mosaik::prelude::*;

#[collection("exchange.prices", voters = 1, require(readers = tag("trader")))]
pub struct Prices(collections::Map<String, u64>);

fn main() {}
