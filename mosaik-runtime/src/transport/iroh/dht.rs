//! The Mainline DHT: each node keeps a record there, signed with its own key and stored under it, of where it is.
//!
//! So a peer whose id is known can be found, and nobody can write into its place. Nothing is stored under a key that comes from
//! the network's name or secret: who is of a network is not to be read from the DHT.

use std::time::Duration;

use futures::StreamExt;
use iroh::{
    EndpointId, TransportAddr,
    address_lookup::{AddrFilter, AddressLookup, EndpointData},
};
use iroh_mainline_address_lookup::DhtAddressLookup;
use n0_mainline::DhtBuilder;
use tokio::{
    net::lookup_host,
    time::{sleep, timeout},
};

use crate::{
    primitives::{PeerId, Reach, Scope, watch},
    transport::{
        address::{Address, Place},
        sources::{Servers, Source},
    },
};

use super::{
    place::{from_iroh, to_iroh},
    seat::Seat,
};

/// The nodes that the public DHT is entered by.
const PUBLIC: [&str; 4] = [
    "router.bittorrent.com:6881",
    "dht.transmissionbt.com:6881",
    "dht.libtorrent.org:25401",
    "relay.pkarr.org:6881",
];
/// How long a name may take to resolve.
const NAMES: Duration = Duration::from_secs(5);
/// The record is stored again this often; the DHT forgets after some hours.
const AGAIN: Duration = Duration::from_secs(30 * 60);
/// How long a new record may take to be seen.
const SEEN: Duration = Duration::from_secs(20);
/// How often it is looked for until then.
const LOOK: Duration = Duration::from_secs(1);

/// This node's place in the DHT, as soon as it has one.
#[derive(Debug)]
pub(super) struct Dht {
    lookup: watch::Receiver<Option<DhtAddressLookup>>,
}

impl Dht {
    /// Enters the DHT in a task of its own, and keeps this node's record there.
    pub(super) fn start(seat: Seat, scope: &Scope) -> Self {
        let (ready, lookup) = watch::channel(None);
        scope.spawn("dht", run(seat, ready));
        Self { lookup }
    }

    /// Where a peer says that it is. Bounded by the caller.
    pub(super) async fn look_up(&self, peer: PeerId) -> Vec<Address> {
        let mut lookup = self.lookup.clone();
        let Ok(ready) = lookup.wait_for(Option::is_some).await.map(|ready| ready.clone()) else {
            return Vec::new();
        };
        let Some((ready, id)) = ready.zip(EndpointId::from_bytes(peer.as_bytes()).ok()) else {
            return Vec::new();
        };
        recorded(&ready, id).await.unwrap_or_default().iter().filter_map(from_iroh).collect()
    }
}

async fn run(mut seat: Seat, ready: watch::Sender<Option<DhtAddressLookup>>) {
    let mut health = seat.health(Source::Dht);
    let mut backoff = seat.backoff("dht");
    let lookup = loop {
        match enter(&seat).await {
            Ok(lookup) => break lookup,
            Err(why) => health.trouble(why),
        }
        sleep(backoff.next_wait()).await;
    };
    ready.send_replace(Some(lookup.clone()));
    let Ok(me) = EndpointId::from_bytes(seat.key.peer_id().as_bytes()) else { return };
    loop {
        let record = record(&seat.addresses.borrow_and_update(), seat.sources.relays.is_off());
        let mut pause = AGAIN;
        if !record.is_empty() {
            lookup.publish(&EndpointData::new(record.clone()));
            if timeout(SEEN, seen(&lookup, me, &record)).await.is_ok() {
                health.works();
                backoff.reset();
            } else {
                health.trouble("the record of this node is not to be found there");
                pause = backoff.next_wait();
            }
        }
        tokio::select! {
            biased;
            changed = seat.addresses.changed() => if changed.is_err() { return },
            () = sleep(pause) => {}
        }
    }
}

/// Opens a client of the DHT.
async fn enter(seat: &Seat) -> Result<DhtAddressLookup, String> {
    let names: Vec<String> = match &seat.sources.dht {
        Servers::Own(names) => names.clone(),
        Servers::Public => PUBLIC.map(str::to_owned).to_vec(),
        Servers::Off => Vec::new(),
    };
    let mut nodes = Vec::new();
    for name in names {
        // The library would ask for names on the thread of everybody.
        if let Ok(Ok(found)) = timeout(NAMES, lookup_host(&name)).await {
            nodes.extend(found.filter(|node| node.is_ipv4()).map(|node| node.to_string()));
        }
    }
    if nodes.is_empty() {
        return Err("none of its nodes has an address".to_owned());
    }
    let mut client = DhtBuilder::default();
    client.bootstrap(&nodes);
    let key = iroh::SecretKey::from_bytes(&seat.key.to_bytes());
    DhtAddressLookup::builder()
        .secret_key(key)
        .dht_builder(client)
        .addr_filter(AddrFilter::unfiltered())
        .republish_delay(AGAIN)
        .build()
        .map_err(|error| error.to_string())
}

/// What anybody may read of this node: its relay. Only where it uses none, its public addresses.
fn record(addresses: &[Address], without_relays: bool) -> Vec<TransportAddr> {
    let is_shown = |address: &&Address| match address.place {
        Place::Relay(_) => true,
        Place::Ip(_) => without_relays && address.scope >= Reach::Internet,
        Place::Sim(_) => false,
    };
    addresses.iter().filter(is_shown).filter_map(to_iroh).collect()
}

/// Waits until the record can be read.
async fn seen(lookup: &DhtAddressLookup, me: EndpointId, record: &[TransportAddr]) {
    loop {
        sleep(LOOK).await;
        let there = recorded(lookup, me).await.unwrap_or_default();
        if record.iter().all(|place| there.contains(place)) {
            return;
        }
    }
}

async fn recorded(lookup: &DhtAddressLookup, id: EndpointId) -> Option<Vec<TransportAddr>> {
    let mut found = lookup.resolve(id)?;
    let item = found.next().await?.ok()?;
    Some(item.endpoint_info().addrs().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_shows_addresses_of_the_machine_only_where_no_relay_is_used() {
        let addresses: Vec<Address> = ["10.0.0.1:1", "203.0.113.1:1", "relay:https://r.example/"]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        let shown = |without| record(&addresses, without).iter().filter_map(from_iroh).collect::<Vec<_>>();
        assert_eq!(shown(false), addresses[2..]);
        assert_eq!(shown(true), addresses[1..]);
    }
}
