#[stream("orders", id = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))]
#[serde(rename_all = "kebab-case")]
enum Order {
    Buy { price: u64, #[cfg(feature = "notes")] note: String },
    Sell(u64, Option<Vec<u8>>),
    #[cfg(unix)]
    Cancel,
}
