//! The yardstick: a message of 32 bytes and its echo on an open stream, over bare iroh.

use std::time::Duration;

use tokio::time::Instant;

use iroh::{
    Endpoint,
    endpoint::{NetReportConfig, presets},
};

use super::measure::{Measured, Meter, percentile};
use crate::common::Fallible;

const ALPN: &[u8] = b"/mosaik-bench/echo/1";
const SIZE: usize = 32;

async fn endpoint() -> Fallible<Endpoint> {
    let builder = Endpoint::builder(presets::Minimal).clear_ip_transports().bind_addr("127.0.0.1:0")?;
    let builder = builder.net_report_config(NetReportConfig::minimal()).alpns(vec![ALPN.to_vec()]);
    Ok(builder.bind().await?)
}

/// The median round trip, in microseconds.
pub(crate) async fn round_trip(window: Duration) -> Fallible<Measured> {
    let (here, there) = (endpoint().await?, endpoint().await?);
    let address = there.addr();
    let mut echo = tokio::task::JoinSet::new();
    echo.spawn(async move {
        let connection = there.accept().await.ok_or("the endpoint closed")?.await?;
        let (mut send, mut receive) = connection.accept_bi().await?;
        let mut message = [0; SIZE];
        while receive.read_exact(&mut message).await.is_ok() {
            send.write_all(&message).await?;
        }
        Fallible::Ok(())
    });
    let connection = here.connect(address, ALPN).await?;
    let (mut send, mut receive) = connection.open_bi().await?;
    let (mut times, mut message) = (Vec::new(), [0; SIZE]);
    let (start, meter) = (Instant::now(), Meter::start()?);
    while start.elapsed() < window / 2 {
        let asked = Instant::now();
        send.write_all(&message).await?;
        receive.read_exact(&mut message).await?;
        times.push(asked.elapsed());
    }
    let cores = meter.cores()?;
    send.finish()?;
    if let Some(ended) = echo.join_next().await {
        ended??;
    }
    // Draining may take seconds and tells us nothing.
    let _ = tokio::time::timeout(Duration::from_millis(200), here.close()).await;
    Ok(Measured { name: "round-trip".to_owned(), value: percentile(&mut times, 50), unit: "us", cores })
}
