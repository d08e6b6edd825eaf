//! Tells who is there: one line when it runs, one for each change of the catalog, one for each event of discovery.

use mosaik::{prelude::*, transport::PeerAddr};

/// What the tests pass along.
#[derive(Args, Debug)]
pub struct Options {
    /// A peer that the program names while it runs.
    #[arg(long)]
    add: Option<PeerAddr>,
}

/// Tells who is there.
#[mosaik::node(network = "roll")]
async fn roll(network: Network, options: Args<Options>) -> mosaik::Result<()> {
    let discovery = network.discovery();
    let mut events = discovery.events();
    let mut changes = discovery.changes();
    println!("here {}", network.local().peer_addr());
    if let Some(peer) = options.add.clone() {
        discovery.add_peer(peer).await;
    }
    loop {
        tokio::select! {
            biased;
            change = changes.next() => {
                if change.is_none() {
                    return Ok(());
                }
                let ids: Vec<String> = discovery.catalog().peers().map(|peer| peer.id.to_string()).collect();
                println!("sees {}: {}", ids.len(), ids.join(" "));
            }
            Ok(event) = events.recv() => println!("event {event:?}"),
        }
    }
}

mosaik::main!(roll);
