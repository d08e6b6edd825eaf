//! A rate limiter that holds across nodes, and through the loss of any one.
//!
//! `cargo run --example rate_limiter` runs three gateways in one process: together they let ten requests a second through, however
//! the requests are spread over them. `-- gateway` runs one; start three or more, and end any of them.

use std::collections::BTreeMap;

use mosaik::{groups::Timestamp, prelude::*};

/// How many requests a second each client has, over all gateways.
const RATE: u64 = 10;
/// How many it may have saved up.
const BURST: u64 = 20;

/// What a client has left: in thousandths of a request, so that no time is lost to rounding.
#[mosaik::data]
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    thousandths: u64,
    filled: Timestamp,
}

/// The buckets of all clients.
#[group(state_machine, "edge.limits", voters = 3)]
#[derive(Default)]
pub struct Limits {
    buckets: BTreeMap<String, Bucket>,
}

#[methods]
impl Limits {
    /// Takes one request from a client's bucket; whether there was one. Time is group time: the same on every member, and it never
    /// goes back, so a gateway with a wrong clock cannot fill a bucket.
    pub fn admit(&mut self, client: &str, cx: &Apply) -> bool {
        let full = Bucket { thousandths: BURST * 1000, filled: cx.now() };
        let bucket = self.buckets.entry(client.to_owned()).or_insert(full);
        let passed = u64::try_from(cx.now().since(bucket.filled).as_millis()).unwrap_or(u64::MAX);
        bucket.thousandths = bucket.thousandths.saturating_add(passed.saturating_mul(RATE)).min(BURST * 1000);
        bucket.filled = cx.now();
        match bucket.thousandths.checked_sub(1000) {
            Some(rest) => {
                bucket.thousandths = rest;
                true
            }
            None => false,
        }
    }

    /// Forgets clients whose bucket has been full for a while, so that the state does not grow for ever.
    pub fn sweep(&mut self, cx: &Apply) -> u64 {
        let before = self.buckets.len();
        let keep = Duration::from_secs(2 * BURST / RATE);
        self.buckets.retain(|_, bucket| cx.now().since(bucket.filled) < keep);
        u64::try_from(before - self.buckets.len()).unwrap_or(u64::MAX)
    }

    /// How many clients have a bucket.
    pub fn clients(&self) -> u64 {
        u64::try_from(self.buckets.len()).unwrap_or(u64::MAX)
    }
}

/// Gets forty requests a second from the same client, and says how many of them went through.
#[mosaik::node(network = "edge", tags = ["gateway"])]
async fn gateway(limits: Group<Limits>, network: Network, shutdown: Shutdown) -> mosaik::Result<()> {
    let me = network.local().id().short();
    limits.when().online().await;
    let (mut asked, mut admitted) = (0_u32, 0_u32);
    while !shutdown.is_requested() {
        asked += 1;
        match limits.with_deadline(Duration::from_secs(2)).admit("mallory").await {
            Ok(yes) => admitted += u32::from(yes),
            Err(_) if shutdown.is_requested() => break,
            // Without an answer in time the request waits outside: a limiter that cannot count does not let through.
            Err(error) => println!("{me} refuses: {error}"),
        }
        if asked % 40 == 0 {
            let leads = if limits.when().is_leader().holds() { "; it leads" } else { "" };
            println!(
                "{me} admitted {admitted} of {asked} requests; {} clients{leads}",
                limits.clients().await?
            );
            limits.sweep().await?;
        }
        sleep(Duration::from_millis(25)).await;
    }
    Ok(())
}

mosaik::main!([gateway; 3]);
