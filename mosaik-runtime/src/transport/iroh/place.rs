//! Addresses as iroh writes them, and back.

use iroh::TransportAddr;

use crate::transport::address::{Address, Place};

/// The address for iroh; `None` where iroh has no such place, or the URL of a relay is none.
pub(super) fn to_iroh(address: &Address) -> Option<TransportAddr> {
    match &address.place {
        Place::Ip(ip) => Some(TransportAddr::Ip(*ip)),
        Place::Relay(url) => url.parse().ok().map(TransportAddr::Relay),
        Place::Sim(_) => None,
    }
}

/// The address as mosaik has it; `None` for kinds that mosaik does not use.
pub(super) fn from_iroh(place: &TransportAddr) -> Option<Address> {
    match place {
        TransportAddr::Ip(ip) => Some(Address::ip(*ip)),
        TransportAddr::Relay(url) => Some(Address::relay(url.as_str())),
        _ => None,
    }
}
