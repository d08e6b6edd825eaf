/// An order.
///
/// Sealed.
#[stream(
    "dark.orders",
    overflow = drop_oldest,
    buffer = 64,
    replay = 16,
    accepts = [OrderV1, old::Order<u8>],
    max_consumers = 4,
    online_when = subscribed(1, tag("matcher")),
    require(
        producers = tag("desk") & !(tag("test") | rtt_below("3s")),
        consumers = peer(|p| p.rtt.is_some()) & rtt_below("20ms"),
    ),
    schema = "v2",
    serde = own,
)]
#[derive(Debug)]
pub struct Order {
    pub id: u64,
    #[mosaik(schema = "decimal.v1")]
    price: Decimal,
}
