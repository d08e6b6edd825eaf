//! Multicast DNS: nodes of one local network tell each other their peer ids and addresses.
//!
//! All of mosaik's nodes use one service name; a mark beside the peer id tells those of one network from others. When the
//! machine's addresses change, the sockets are opened anew: they belong to an interface.

use std::net::{IpAddr, SocketAddr};

use futures::StreamExt;
use iroh::{
    EndpointId, TransportAddr,
    address_lookup::{AddressLookup, EndpointData, EndpointInfo, UserData},
};
use iroh_mdns_address_lookup::{DiscoveryEvent, MdnsAddressLookup};

use crate::{
    primitives::{PeerId, Reach},
    transport::{
        address::{Address, Place},
        sources::{News, Source},
    },
};

use super::seat::Seat;

/// The name under which nodes are announced: `<id>._mosaik._udp.local`.
const SERVICE: &str = "mosaik";
/// An announcement fits into one packet with as many addresses.
const MOST_ADDRESSES: usize = 12;

/// Why a round of listening is over.
enum Over {
    /// The machine has other addresses.
    Moved,
    /// The sockets failed.
    Failed,
    /// The endpoint is gone.
    Closed,
}

/// Announces this node and listens for others until the endpoint closes.
pub(super) async fn run(mut seat: Seat) {
    let mut health = seat.health(Source::Mdns);
    let mut backoff = seat.backoff("mdns");
    let Ok(me) = EndpointId::from_bytes(seat.key.peer_id().as_bytes()) else { return };
    loop {
        let places = announced(&seat.addresses.borrow_and_update());
        if places.is_empty() {
            // No network: there is nobody to tell, and no interface to listen at.
            match seat.addresses.changed().await {
                Ok(()) => continue,
                Err(_) => return,
            }
        }
        match MdnsAddressLookup::builder().service_name(SERVICE).build(me) {
            Ok(mdns) => {
                health.works();
                match round(&mut seat, &mdns, places).await {
                    Over::Moved => {
                        backoff.reset();
                        continue;
                    }
                    Over::Failed => health.trouble("its sockets failed"),
                    Over::Closed => return,
                }
            }
            Err(error) => health.trouble(error),
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

async fn round(seat: &mut Seat, mdns: &MdnsAddressLookup, places: Vec<SocketAddr>) -> Over {
    let mut events = mdns.subscribe().await;
    mdns.publish(&announcement(seat, &places));
    loop {
        tokio::select! {
            biased;
            changed = seat.addresses.changed() => {
                if changed.is_err() {
                    return Over::Closed;
                }
                if announced(&seat.addresses.borrow_and_update()) != places {
                    return Over::Moved;
                }
            }
            event = events.next() => match event {
                Some(DiscoveryEvent::Discovered { endpoint_info, .. }) => found(seat, &endpoint_info),
                Some(DiscoveryEvent::Expired { endpoint_id }) => {
                    seat.herald.tell(News::Gone { peer: PeerId::from_bytes(*endpoint_id.as_bytes()) });
                }
                Some(_) => {}
                None => return Over::Failed,
            },
        }
    }
}

/// What is announced: the machine's addresses, and the mark beside the peer id.
fn announcement(seat: &Seat, places: &[SocketAddr]) -> EndpointData {
    let data = EndpointData::new(places.iter().copied().map(TransportAddr::Ip).collect());
    match UserData::try_from(seat.marks.of(&seat.key.peer_id())) {
        Ok(mark) => data.with_user_data(mark),
        Err(_) => data,
    }
}

fn announced(addresses: &[Address]) -> Vec<SocketAddr> {
    let place = |address: &Address| match address.place {
        Place::Ip(ip) if is_of_the_network(ip.ip()) => Some(ip),
        _ => None,
    };
    addresses.iter().filter_map(place).take(MOST_ADDRESSES).collect()
}

fn found(seat: &Seat, info: &EndpointInfo) {
    let peer = PeerId::from_bytes(*info.endpoint_id.as_bytes());
    let mark = info.user_data().map(ToString::to_string).unwrap_or_default();
    if !seat.marks.is_of(&peer, &mark) {
        return;
    }
    let places = info.ip_addrs().filter(|ip| is_of_the_network(ip.ip())).take(MOST_ADDRESSES);
    let addresses: Vec<_> = places.map(|ip| Address { scope: Reach::Lan, place: Place::Ip(*ip) }).collect();
    if !addresses.is_empty() {
        seat.herald.tell(News::Found { peer, addresses });
    }
}

/// Addresses that mean the same node on every machine of the local network. Link-local ones of IPv6 do not: they need the name of
/// an interface.
fn is_of_the_network(ip: IpAddr) -> bool {
    let local_v6 = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast() && !local_v6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_others_can_use_are_announced() {
        let all: Vec<Address> = ["127.0.0.1:1", "[fe80::1]:1", "10.0.0.1:1", "[fd00::1]:1", "0.0.0.0:1"]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        let announced: Vec<String> = announced(&all).iter().map(ToString::to_string).collect();
        assert_eq!(announced, ["10.0.0.1:1", "[fd00::1]:1"]);
    }
}
