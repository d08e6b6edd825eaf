/// The last price of each symbol.
#[collection("exchange.prices", voters = 3)]
pub struct Prices(collections::Map<String, u64>);
