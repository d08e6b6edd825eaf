/// Who buys.
#[collection("exchange.bids", group = Exchange)]
pub struct Bids(collections::Map<u64, Order>);
