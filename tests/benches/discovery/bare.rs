//! The yardstick: the least that nodes over bare iroh must do to know each other.
//!
//! Every node dials the first one, hands it an entry of [`ENTRY`] bytes, and gets everybody's entries back once the first
//! one has them all. There is no signature, no gossip and no repair. Connections stay open, so that idle nodes are
//! compared with idle nodes: iroh keeps them alive.

use bytes::Bytes;
use iroh::{
    Endpoint, EndpointAddr,
    endpoint::{Connection, NetReportConfig, SendStream, presets},
};
use tokio::task::JoinSet;

use crate::common::Fallible;

const ALPN: &[u8] = b"/mosaik-bench/meet/1";

/// About what a signed entry of a node without roles takes.
const ENTRY: usize = 256;

/// Nodes that know the first one's address.
pub(crate) struct World {
    endpoints: Vec<Endpoint>,
    connections: Vec<Connection>,
}

impl World {
    /// Opens all endpoints.
    pub(crate) async fn start(nodes: usize) -> Fallible<Self> {
        let mut opening = JoinSet::new();
        for _ in 0..nodes {
            opening.spawn(endpoint());
        }
        let endpoints: Fallible<Vec<Endpoint>> = opening.join_all().await.into_iter().collect();
        Ok(Self { endpoints: endpoints?, connections: Vec::new() })
    }

    /// Ends of connections at all nodes together.
    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Waits until everybody has everybody's entry.
    pub(crate) async fn complete(&mut self) -> Fallible {
        let nodes = self.endpoints.len();
        let (first, others) = self.endpoints.split_first().ok_or("no nodes")?;
        let mut tasks = JoinSet::new();
        for endpoint in others {
            tasks.spawn(introduce(endpoint.clone(), first.addr(), nodes));
        }
        tasks.spawn(gather(first.clone(), nodes));
        while let Some(ended) = tasks.join_next().await {
            self.connections.extend(ended??);
        }
        Ok(())
    }
}

async fn endpoint() -> Fallible<Endpoint> {
    let builder = Endpoint::builder(presets::Minimal).clear_ip_transports().bind_addr("127.0.0.1:0")?;
    let builder = builder.net_report_config(NetReportConfig::minimal()).alpns(vec![ALPN.to_vec()]);
    Ok(builder.bind().await?)
}

/// What every node but the first does.
async fn introduce(endpoint: Endpoint, first: EndpointAddr, nodes: usize) -> Fallible<Vec<Connection>> {
    let connection = endpoint.connect(first, ALPN).await?;
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(&[0x5a; ENTRY]).await?;
    let mut everybody = vec![0; ENTRY * nodes];
    receive.read_exact(&mut everybody).await?;
    Ok(vec![connection])
}

/// What the first node does: hears everybody at once, then answers everybody.
async fn gather(endpoint: Endpoint, nodes: usize) -> Fallible<Vec<Connection>> {
    let mut guests = JoinSet::new();
    for _ in 1..nodes {
        let incoming = endpoint.accept().await.ok_or("the endpoint closed")?;
        guests.spawn(async move { hear(incoming.await?).await });
    }
    let guests: Fallible<Vec<_>> = guests.join_all().await.into_iter().collect();
    let everybody = Bytes::from(vec![0x5a; ENTRY * nodes]);
    let mut connections = Vec::new();
    for (connection, mut answer) in guests? {
        answer.write_chunk(everybody.clone()).await?;
        answer.finish()?;
        connections.push(connection);
    }
    Ok(connections)
}

async fn hear(connection: Connection) -> Fallible<(Connection, SendStream)> {
    let (send, mut receive) = connection.accept_bi().await?;
    let mut entry = [0; ENTRY];
    receive.read_exact(&mut entry).await?;
    Ok((connection, send))
}
