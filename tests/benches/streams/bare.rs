//! The yardstick: the same items as frames over bare iroh, written by hand as well as we can.
//!
//! A frame is its length (4 bytes), the number (8 bytes) and padding. Small frames are coalesced into writes of 64 KiB;
//! frames of 64 KiB share their padding and are not copied. The receiver reads into one buffer of 512 KiB and walks it.
//! There is no codec, no subscription, no policy and no resume. Every consumer has an endpoint and a connection of its own.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use iroh::{
    Endpoint, EndpointAddr, EndpointId, TransportAddr,
    endpoint::{Connection, NetReportConfig, RecvStream, SendStream, presets},
};
use tokio::{
    task::JoinSet,
    time::{Duration, MissedTickBehavior, interval, timeout},
};

use super::{
    case::{Case, Measure},
    payload::FIRST,
    tally::{Ear, Tally, now},
};
use crate::common::Fallible;

const ALPN: &[u8] = b"/mosaik-bench/bare/1";
const SEGMENT: usize = 64 * 1024;
const READ_BUFFER: usize = 512 * 1024;
/// Length and number.
const HEAD: usize = 4 + 8;

async fn endpoint() -> Fallible<Endpoint> {
    let builder = Endpoint::builder(presets::Minimal).clear_ip_transports().bind_addr("127.0.0.1:0")?;
    let builder = builder.net_report_config(NetReportConfig::minimal()).alpns(vec![ALPN.to_vec()]);
    Ok(builder.bind().await?)
}

/// The sending side.
pub(crate) struct Source {
    endpoint: Endpoint,
    connections: Vec<Connection>,
    pumps: JoinSet<Fallible>,
}

impl Source {
    /// Opens the sender's endpoint.
    pub(crate) async fn open() -> Fallible<Self> {
        Ok(Self { endpoint: endpoint().await?, connections: Vec::new(), pumps: JoinSet::new() })
    }

    /// What [`Sinks::open`] needs to find this source.
    pub(crate) fn address(&self) -> Fallible<String> {
        let address = self.endpoint.addr();
        let ip = address.ip_addrs().next().ok_or("the endpoint has no address")?;
        Ok(format!("{}@{ip}", address.id))
    }

    /// Waits for the consumers, then sends until dropped.
    pub(crate) async fn start(&mut self, case: Case) -> Fallible {
        if case.measure == Measure::Join {
            self.pumps.spawn(serve(self.endpoint.clone(), case.size));
            return Ok(());
        }
        let mut streams = Vec::new();
        for _ in 0..case.consumers {
            let connection = self.endpoint.accept().await.ok_or("the endpoint closed")?.await?;
            streams.push(connection.open_uni().await?);
            self.connections.push(connection);
        }
        match case.measure {
            Measure::Latency | Measure::Join => drop(self.pumps.spawn(pace(streams, case.size))),
            Measure::Throughput if case.size < SEGMENT => {
                for stream in streams {
                    self.pumps.spawn(pump_small(stream, case.size));
                }
            }
            Measure::Throughput => {
                for stream in streams {
                    self.pumps.spawn(pump_large(stream, case.size));
                }
            }
        }
        Ok(())
    }

    /// Why sending ended, if it did.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let ended = self.pumps.try_join_next()?;
        Some(format!("a sender ended: {ended:?}"))
    }

    /// Ends it.
    pub(crate) async fn close(mut self) {
        self.pumps.shutdown().await;
        drop(self.connections);
        close(self.endpoint).await;
    }
}

async fn close(endpoint: Endpoint) {
    // Draining may take seconds and tells us nothing.
    let _ = timeout(Duration::from_millis(500), endpoint.close()).await;
}

fn put_frame(buffer: &mut BytesMut, seq: u64, padding: &[u8]) {
    put_head(buffer, seq, padding);
    buffer.put_slice(padding);
}

fn put_head(buffer: &mut BytesMut, seq: u64, padding: &[u8]) {
    buffer.put_u32_le(u32::try_from(8 + padding.len()).unwrap_or(u32::MAX));
    buffer.put_u64_le(seq);
}

async fn pump_small(mut stream: SendStream, size: usize) -> Fallible {
    let padding = vec![0x5a; size - 8];
    let mut seq = FIRST;
    loop {
        let mut segment = BytesMut::with_capacity(SEGMENT);
        while segment.len() + HEAD + padding.len() <= SEGMENT {
            put_frame(&mut segment, seq, &padding);
            seq += 1;
        }
        stream.write_chunk(segment.freeze()).await?;
    }
}

async fn pump_large(mut stream: SendStream, size: usize) -> Fallible {
    let padding = Bytes::from(vec![0x5a; size - 8]);
    let mut seq = FIRST;
    loop {
        let mut head = BytesMut::with_capacity(HEAD);
        put_head(&mut head, seq, &padding);
        seq += 1;
        stream.write_all_chunks(&mut [head.freeze(), padding.clone()]).await?;
    }
}

/// One item a millisecond to every stream, with the moment it was sent as its number.
async fn pace(mut streams: Vec<SendStream>, size: usize) -> Fallible {
    let padding = vec![0x5a; size - 8];
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let mut frame = BytesMut::with_capacity(HEAD + padding.len());
        put_frame(&mut frame, now(), &padding);
        let frame = frame.freeze();
        for stream in &mut streams {
            stream.write_chunk(frame.clone()).await?;
        }
    }
}

/// A stream at the same pace for whoever comes.
async fn serve(endpoint: Endpoint, size: usize) -> Fallible {
    let mut guests = JoinSet::new();
    loop {
        let connection = endpoint.accept().await.ok_or("the endpoint closed")?.await?;
        guests.spawn(async move { pace(vec![connection.open_uni().await?], size).await });
    }
}

fn parse(address: &str) -> Fallible<EndpointAddr> {
    let (id, ip) = address.split_once('@').ok_or("not an address")?;
    Ok(EndpointAddr::from_parts(id.parse::<EndpointId>()?, [TransportAddr::Ip(ip.parse()?)]))
}

/// Joins as a new endpoint; how many nanoseconds after it began to dial it has a frame.
pub(crate) async fn join(address: &str, size: usize) -> Fallible<u64> {
    let (endpoint, source) = (endpoint().await?, parse(address)?);
    let start = now();
    let connection = endpoint.connect(source, ALPN).await?;
    connection.accept_uni().await?.read_exact(&mut vec![0; HEAD + size - 8]).await?;
    let took = now().saturating_sub(start);
    close(endpoint).await;
    Ok(took)
}

/// The receiving side: one endpoint a consumer.
pub(crate) struct Sinks {
    endpoints: Vec<Endpoint>,
    readers: JoinSet<Fallible>,
}

impl Sinks {
    /// Opens the consumers and lets them listen.
    pub(crate) async fn open(case: Case, address: &str, tallies: &[Arc<Tally>]) -> Fallible<Self> {
        let source = parse(address)?;
        let mut sinks = Self { endpoints: Vec::new(), readers: JoinSet::new() };
        for tally in tallies {
            let endpoint = endpoint().await?;
            let connection = endpoint.connect(source.clone(), ALPN).await?;
            let ear = Ear::new(tally.clone(), case.measure, case.size);
            sinks.readers.spawn(async move {
                let stream = connection.accept_uni().await?;
                read(stream, ear).await
            });
            sinks.endpoints.push(endpoint);
        }
        Ok(sinks)
    }

    /// Ends them.
    pub(crate) async fn close(mut self) {
        self.readers.shutdown().await;
        futures::future::join_all(self.endpoints.into_iter().map(close)).await;
    }
}

async fn read(mut stream: RecvStream, mut ear: Ear) -> Fallible {
    let mut buffer = vec![0; READ_BUFFER];
    let mut filled = 0;
    while let Some(count) = stream.read(&mut buffer[filled..]).await? {
        filled += count;
        let walked = walk(&buffer[..filled], &mut ear);
        buffer.copy_within(walked..filled, 0);
        filled -= walked;
    }
    Ok(())
}

/// Hears every complete frame and returns where the first incomplete one begins.
fn walk(bytes: &[u8], ear: &mut Ear) -> usize {
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let Some((body, after)) = after.split_at_checked(u32::from_le_bytes(*length) as usize) else { break };
        let Some((seq, _)) = body.split_first_chunk::<8>() else { break };
        ear.hear(u64::from_le_bytes(*seq), body.len());
        rest = after;
    }
    bytes.len() - rest.len()
}
