//! The endpoint and its connections.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use iroh::{
    EndpointAddr, EndpointId, TransportAddr, Watcher,
    endpoint::{
        ConnectError, ConnectWithOptsError, ConnectingError, Connection, ConnectionError, IdleTimeout,
        LocalTransportAddr, PortmapperConfig, QuicTransportConfig, TransportErrorCode, VarInt, presets,
    },
};

use crate::{
    primitives::{PeerId, Reach, Scope, watch},
    transport::{
        address::{Address, Place},
        backend::{ConnLost, ConnectFailure, Options},
        config::Limits,
        error::BindError,
    },
};

#[cfg(feature = "dht")]
use super::dht::Dht;
use super::{
    place::{from_iroh, to_iroh},
    relay,
    seat::Seat,
    streams::{RecvHalf, SendHalf, conn_lost, number},
};

/// Unread bytes of a connection whose peer has not proven that it belongs: its `Hello` fits several times.
const STRANGERS_WINDOW: u32 = 32 * 1024;

/// TLS alert 120, "no application protocol", as QUIC carries it.
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// One iroh endpoint.
#[derive(Debug)]
pub struct Endpoint {
    inner: iroh::Endpoint,
    addresses: watch::Receiver<Vec<Address>>,
    #[cfg(feature = "dht")]
    dht: Option<Dht>,
}

/// A connection that somebody begins.
#[derive(Debug)]
pub struct Incoming(iroh::endpoint::Incoming);

/// A QUIC connection.
#[derive(Debug, Clone)]
pub struct Conn(Connection);

impl Endpoint {
    /// Opens it: no port mapping; relays and lookups as far as they were asked for and the reach allows.
    pub async fn open(options: Options) -> Result<Self, BindError> {
        let asked = asked_for(&options)?;
        let relays = relay::mode(&options)?;
        let has_relays = !relays.relay_map().is_empty();
        let mut builder = iroh::Endpoint::builder(presets::Minimal)
            .secret_key(iroh::SecretKey::from_bytes(&options.key.to_bytes()))
            .relay_mode(relays)
            .portmapper_config(PortmapperConfig::Disabled)
            .net_report_config(relay::probes(has_relays))
            .transport_config(limited(&options.limits)?);
        if let Some(address) = asked {
            let bound = builder.clear_ip_transports().bind_addr(address);
            builder = bound.map_err(|error| BindError::Backend(error.to_string()))?;
        }
        let inner = builder.bind().await.map_err(|error| bind_error(asked, error))?;
        let addresses = watched(&inner, options.reach, &options.scope);
        let seat = Seat::new(&options, &addresses);
        if let Some(seat) = seat.clone().filter(|_| has_relays) {
            options.scope.spawn("relay status", relay::watch(inner.clone(), seat));
        }
        #[cfg(feature = "mdns")]
        if let Some(seat) = seat.clone().filter(|seat| seat.sources.mdns && seat.reach >= Reach::Lan) {
            options.scope.spawn("mdns", super::mdns::run(seat));
        }
        #[cfg(feature = "dht")]
        let dht = seat.filter(|seat| !seat.sources.dht.is_off() && seat.reach >= Reach::Internet);
        Ok(Self {
            inner,
            addresses,
            #[cfg(feature = "dht")]
            dht: dht.map(|seat| Dht::start(seat, &options.scope)),
        })
    }

    /// See the seam.
    #[cfg(feature = "dht")]
    pub fn can_look_up(&self) -> bool {
        self.dht.is_some()
    }

    /// See the seam.
    #[cfg(not(feature = "dht"))]
    pub fn can_look_up(&self) -> bool {
        false
    }

    /// See the seam.
    pub async fn look_up(&self, peer: PeerId) -> Vec<Address> {
        #[cfg(feature = "dht")]
        if let Some(dht) = &self.dht {
            return dht.look_up(peer).await;
        }
        let _ = peer;
        Vec::new()
    }

    /// See the seam.
    pub async fn connect(&self, peer: PeerId, at: &[Address], alpn: &[u8]) -> Result<Conn, ConnectFailure> {
        let unreachable = |why: &dyn ToString| ConnectFailure::Unreachable(why.to_string());
        let id = EndpointId::from_bytes(peer.as_bytes()).map_err(|error| unreachable(&error))?;
        let places = at.iter().filter_map(to_iroh);
        let connected = self.inner.connect(EndpointAddr::from_parts(id, places), alpn).await;
        connected.map(Conn).map_err(connect_failure)
    }

    /// See the seam.
    pub async fn accept(&self) -> Option<Incoming> {
        self.inner.accept().await.map(Incoming)
    }

    /// See the seam.
    pub fn addresses(&self) -> watch::Receiver<Vec<Address>> {
        self.addresses.clone()
    }

    /// See the seam.
    pub fn set_alpns(&self, alpns: Vec<Vec<u8>>) {
        self.inner.set_alpns(alpns);
    }

    /// See the seam. iroh gives no code when an endpoint closes: the connections were closed with theirs before.
    ///
    /// A connection to a peer that does not answer any more takes some seconds to end. Who does not wait so long lets it go on by itself.
    pub async fn close(&self, _code: u32, _reason: &[u8]) {
        let (scope, closing) = (Scope::new(), Closing(self.inner.clone()));
        scope.spawn("transport closes", async move { closing.0.close().await });
        scope.ended().await;
    }
}

/// An endpoint that is closing.
struct Closing(iroh::Endpoint);

impl Drop for Closing {
    fn drop(&mut self) {
        if !self.0.is_closed() {
            // The program ends before it is closed. Nobody is left who could wait for it, and it ends with the program.
            std::mem::forget(self.0.clone());
        }
    }
}

impl Incoming {
    /// See the seam.
    pub async fn finish(self) -> Result<(Conn, Vec<u8>), String> {
        let connection = self.0.await.map_err(|error| error.to_string())?;
        let alpn = connection.alpn().to_vec();
        Ok((Conn(connection), alpn))
    }

    /// See the seam.
    pub fn refuse(self) {
        self.0.refuse();
    }
}

impl Conn {
    /// See the seam.
    pub fn remote(&self) -> PeerId {
        PeerId::from_bytes(*self.0.remote_id().as_bytes())
    }

    /// See the seam.
    pub fn alpn(&self) -> &[u8] {
        self.0.alpn()
    }

    /// See the seam.
    pub async fn open_bi(&self) -> Result<(SendHalf, RecvHalf), ConnLost> {
        let streams = self.0.open_bi().await;
        streams.map(|(send, recv)| (SendHalf(send), RecvHalf(recv))).map_err(conn_lost)
    }

    /// See the seam.
    pub async fn accept_bi(&self) -> Result<(SendHalf, RecvHalf), ConnLost> {
        let streams = self.0.accept_bi().await;
        streams.map(|(send, recv)| (SendHalf(send), RecvHalf(recv))).map_err(conn_lost)
    }

    /// See the seam.
    pub fn close(&self, code: u32, reason: &[u8]) {
        self.0.close(VarInt::from_u32(code), reason);
    }

    /// See the seam.
    pub async fn closed(&self) -> ConnLost {
        conn_lost(self.0.closed().await)
    }

    /// See the seam. TLS 1.3 exports 32 bytes once the handshake is complete; a `Conn` exists only after it.
    pub fn export(&self, label: &[u8], context: &[u8]) -> Option<[u8; 32]> {
        let mut bytes = [0; 32];
        self.0.export_keying_material(&mut bytes, label, context).ok().map(|()| bytes)
    }

    /// See the seam.
    pub fn trust(&self, limits: &Limits) {
        self.0.set_receive_window(VarInt::from_u32(limits.connection_window));
        self.0.set_max_concurrent_bi_streams(VarInt::from_u32(limits.links_per_connection));
    }

    /// See the seam.
    pub fn ways(&self) -> Vec<Option<(Option<IpAddr>, SocketAddr)>> {
        let paths = self.0.paths();
        let way = |path: iroh::endpoint::Path<'_>| match (path.local_addr(), path.remote_addr()) {
            (LocalTransportAddr::Ip(here), TransportAddr::Ip(there)) => Some((*here, *there)),
            _ => None,
        };
        paths.iter().map(way).collect()
    }

    /// See the seam.
    pub fn rtt(&self) -> Option<Duration> {
        self.0.paths().iter().find(|path| path.is_selected()).map(|path| path.rtt())
    }
}

fn asked_for(options: &Options) -> Result<Option<SocketAddr>, BindError> {
    match (options.reach, options.bind) {
        (Reach::Host, None) => Ok(Some((Ipv4Addr::LOCALHOST, 0).into())),
        (Reach::Host, Some(address)) if !address.ip().is_loopback() => Err(BindError::OutOfReach { address }),
        (_, asked) => Ok(asked),
    }
}

fn limited(limits: &Limits) -> Result<QuicTransportConfig, BindError> {
    let silence = IdleTimeout::try_from(limits.lost_after);
    let silence = silence.map_err(|error| BindError::Backend(format!("limit `lost_after`: {error}")))?;
    Ok(QuicTransportConfig::builder()
        // What strangers get: the stream of the `Hello`, and little room. `Conn::trust` raises both.
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(limits.stream_window))
        .receive_window(VarInt::from_u32(STRANGERS_WINDOW.min(limits.connection_window)))
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(silence))
        .keep_alive_interval(limits.keep_alive)
        .build())
}

/// The endpoint's addresses with their scopes. Those of a socket on a given address never change, but for a relay.
fn watched(endpoint: &iroh::Endpoint, reach: Reach, scope: &Scope) -> watch::Receiver<Vec<Address>> {
    let sockets = endpoint.bound_sockets();
    if reach < Reach::Internet && sockets.iter().all(|socket| !socket.ip().is_unspecified()) {
        return watch::channel(sockets.into_iter().map(Address::ip).collect()).1;
    }
    // An address of this machine is as far as the node wants to be found, whatever its range.
    let within = move |address: EndpointAddr| -> Vec<Address> {
        let mut addresses: Vec<_> = address.addrs.iter().filter_map(from_iroh).collect();
        for address in &mut addresses {
            if let Place::Ip(_) = address.place {
                address.scope = address.scope.min(reach);
            }
        }
        addresses.sort_by_key(|address| matches!(address.place, Place::Relay(_)));
        addresses
    };
    let mut changes = endpoint.watch_addr();
    let (publish, addresses) = watch::channel(within(changes.get()));
    let closed = endpoint.closed();
    let stop = scope.clone();
    scope.spawn("transport addresses", async move {
        let follow = async {
            while let Ok(address) = changes.updated().await {
                publish.send_replace(within(address));
            }
        };
        stop.until_stop(closed.run_until(follow)).await;
    });
    addresses
}

fn bind_error(asked: Option<SocketAddr>, error: iroh::endpoint::BindError) -> BindError {
    let iroh::endpoint::BindError::Sockets { source, .. } = error else {
        return BindError::Backend(error.to_string());
    };
    let address = asked.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into());
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::PortInUse { address },
        _ => BindError::Refused { address, source },
    }
}

fn connect_failure(error: ConnectError) -> ConnectFailure {
    let lost = match &error {
        ConnectError::Connection { source, .. } => source,
        ConnectError::Connecting { source: ConnectingError::ConnectionError { source, .. }, .. } => source,
        ConnectError::Connect { source: ConnectWithOptsError::EndpointClosed { .. }, .. } => {
            return ConnectFailure::Locally;
        }
        _ => return ConnectFailure::Unreachable(error.to_string()),
    };
    match lost {
        ConnectionError::ConnectionClosed(close)
            if close.error_code == TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL) =>
        {
            ConnectFailure::UnknownProtocol
        }
        ConnectionError::ApplicationClosed(close) => ConnectFailure::Closed(number(close.error_code)),
        ConnectionError::LocallyClosed => ConnectFailure::Locally,
        _ => ConnectFailure::Unreachable(error.to_string()),
    }
}
