//! Every option of a stream, with no prelude.
#![deny(warnings)]
#![deny(missing_docs, unreachable_pub)]
//! Documented.

use mosaik::{primitives::PeerView, streams::Datum, topology::Overflow};

/// An order, as it was.
#[mosaik::data]
pub struct OrderV1 {
    /// Which.
    pub id: u64,
}

/// An order.
#[mosaik::stream(
    "dark.orders",
    id = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
    overflow = drop_oldest,
    buffer = 64,
    replay = 16,
    accepts = [OrderV1],
    max_consumers = 4,
    online_when = subscribed(1, tag("matcher")),
    require(
        producers = tag("desk") & !(tag("test") | rtt_below("3s")),
        consumers = peer(|p| p.rtt.is_some()) & peer(is_local) & rtt_below("20ms"),
    ),
    schema = "v2",
)]
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Which.
    pub id: u64,
    /// How much.
    #[mosaik(schema = "wrapping.v1")]
    pub amount: std::num::Wrapping<u32>,
}

impl From<OrderV1> for Order {
    fn from(old: OrderV1) -> Self {
        Self { id: old.id, amount: std::num::Wrapping(1) }
    }
}

fn is_local(peer: &PeerView) -> bool {
    peer.tags.is_some()
}

fn main() {
    let stream = Order::DESCRIPTOR;
    assert_eq!(stream.intent.text, "dark.orders");
    assert_eq!(stream.intent.id[..4], [0, 1, 2, 3]);
    assert_eq!(stream.type_name, "Order");
    assert_eq!(stream.docs, "An order.");
    assert_eq!(stream.source.line, 16);
    assert!(stream.source.file.ends_with("every_option.rs"));
    assert_eq!(stream.options.buffer, Some(64));
    assert_eq!(stream.options.replay, Some(16));
    assert_eq!(stream.options.overflow, Some(Overflow::DropOldest));
    assert_eq!(stream.options.max_consumers, Some(4));
    assert_eq!(stream.options.online_when.and_then(|online| online.tag), Some("matcher"));
    assert_eq!(stream.producers.to_string(), r#"tag("desk") & !(tag("test") | rtt_below(3s))"#);
    assert_eq!(stream.consumers.to_string(), "peer(|p| p.rtt.is_some()) & peer(is_local) & rtt_below(20ms)");
    assert_eq!(Order::ACCEPTS.len(), 1);
}
