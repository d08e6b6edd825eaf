use mosaik::prelude::*;

#[derive(Default)]
pub struct Office;

impl mosaik::tickets::Validator for Office {
    fn name(&self) -> &str {
        "Office"
    }

    fn class(&self) -> mosaik::tickets::Class {
        mosaik::tickets::Class::jwt()
    }

    fn validate<'a>(&'a self, _: mosaik::tickets::Shown<'a>) -> mosaik::tickets::Validation<'a> {
        Box::pin(async { Err(mosaik::tickets::Denial::OtherPeer) })
    }
}

#[proof(Office)]
pub struct Badge;

#[collection("exchange.prices", voters = 1, require(writers = Badge, readers = Badge))]
pub struct Prices(collections::Map<String, u64>);

#[mosaik::node(network = "exchange")]
async fn trader(prices: Reader<Prices>) -> mosaik::Result {
    prices.when().online().await;
    Ok(())
}

fn main() {}
