/// Who may do how much.
#[group(
    state_machine,
    "bank.limits",
    voters = founder,
    founder = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    storage = durable,
    key = env("BANK_KEY"),
    deadline = "30s",
    strict,
    evict_after = "500ms",
    round_trip = "1s",
    committee = 5,
    require(members = tag("bank") & rtt_below("20ms")),
    schema = "v2",
)]
#[cfg(unix)]
#[derive(Default)]
struct Limits {
    #[allow_nondeterminism]
    cache: HashMap<String, u64>,
}
