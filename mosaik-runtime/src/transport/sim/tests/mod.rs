//! The fabric, tried out with bare endpoints.

mod connections;
mod faults;
mod streams;
mod traces;

use bytes::BytesMut;
use tokio::time::Duration;

use super::*;
use crate::{
    primitives::{PeerId, Reach, Scope, SecretKey},
    transport::{
        backend::{ConnLost, ConnectFailure, Options, ReadLost, WriteLost},
        config::Limits,
    },
};

const ALPN: &[u8] = b"/test/1";

/// A node without anything above its endpoint.
struct Bare {
    id: PeerId,
    endpoint: Endpoint,
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32])
}

fn options(number: u8) -> Options {
    let limits = Limits { stream_window: 256 * 1024, ..Limits::default() };
    Options { key: key(number), reach: Reach::Host, bind: None, looking: None, limits, scope: Scope::new() }
}

async fn bare(net: &Net, number: u8) -> Bare {
    let id = key(number).peer_id();
    let endpoint = Endpoint::open(net.port(id), options(number)).await.expect("a fresh port is free");
    endpoint.set_alpns(vec![ALPN.to_vec()]);
    Bare { id, endpoint }
}

impl Bare {
    async fn dial(&self, to: &Self) -> Result<Conn, ConnectFailure> {
        let addresses = to.endpoint.addresses().borrow().clone();
        self.endpoint.connect(to.id, &addresses, ALPN).await
    }
}

/// Two nodes and a connection between them.
struct Pair {
    net: Net,
    one: Bare,
    two: Bare,
    near: Conn,
    far: Conn,
}

async fn connect(one: &Bare, two: &Bare) -> (Conn, Conn) {
    let accept = async {
        let incoming = two.endpoint.accept().await.expect("the endpoint is open");
        incoming.finish().await.expect("the dialler is there").0
    };
    let (near, far) = tokio::join!(biased; one.dial(two), accept);
    (near.expect("the other side answers"), far)
}

async fn pair(seed: u64) -> Pair {
    let net = Net::new(seed);
    let (one, two) = (bare(&net, 1).await, bare(&net, 2).await);
    let (near, far) = connect(&one, &two).await;
    Pair { net, one, two, near, far }
}

/// A stream that the near side opened, after its first byte: the near side's writer and the far side's reader.
async fn stream(pair: &Pair) -> (SendHalf, RecvHalf) {
    let (mut send, _) = pair.near.open_bi().await.expect("it opens");
    send.write_all(b"!").await.expect("it writes");
    let (_, mut recv) = pair.far.accept_bi().await.expect("it arrives");
    assert_eq!(recv.read(&mut BytesMut::new(), 1).await, Ok(1));
    (send, recv)
}

/// Reads to the end.
async fn read_all(recv: &mut RecvHalf) -> Result<BytesMut, ReadLost> {
    let mut all = BytesMut::new();
    while recv.read(&mut all, 64 * 1024).await? > 0 {}
    Ok(all)
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}
