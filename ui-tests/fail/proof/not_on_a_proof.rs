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

#[stream("dark.bids", require(consumers = tag("matcher") & !Badge))]
pub struct Bid {
    pub price: u64,
}

#[mosaik::node]
async fn matcher(mut bids: Consumer<Bid>) -> mosaik::Result {
    bids.next().await;
    Ok(())
}

fn main() {}
