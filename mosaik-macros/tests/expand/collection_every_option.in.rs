#[collection(
    voters = founder,
    founder = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    storage = durable,
    key = env("EXCHANGE_KEY"),
    deadline = "30s",
    strict,
    evict_after = "500ms",
    round_trip = "1s",
    committee = 5,
    require(writers = tag("exchange"), readers = tag("trader") | rtt_below("20ms")),
)]
#[cfg(unix)]
struct Book(PriorityQueue<u64, OrderId, Order>);
