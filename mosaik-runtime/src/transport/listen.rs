//! Where incoming links arrive.

use std::marker::PhantomData;

use super::{link::Link, protocol::Protocol};

/// Incoming links of one protocol. Dropping it unregisters the protocol.
#[derive(Debug)]
pub struct Listener<P> {
    protocol: PhantomData<fn() -> P>,
}

impl<P: Protocol> Listener<P> {
    /// The next incoming link; `None` once the transport has shut down. Cancel-safe.
    pub async fn accept(&mut self) -> Option<Link<P>> {
        todo!()
    }
}
