//! Relays: which, and whether one answers.
//!
//! iroh keeps the connection to the nearest relay, and tries again when it breaks. Nothing waits for it.

use std::time::Duration;

use iroh::{
    RelayMode, RelayUrl, Watcher,
    endpoint::{NetReportConfig, RelayStatus},
};
use tokio::time::timeout;

use crate::{
    primitives::Reach,
    transport::{
        backend::Options,
        error::BindError,
        sources::{Health, Servers, Source},
    },
};

use super::seat::Seat;

/// A relay that is not there after this is worth an event.
const PATIENCE: Duration = Duration::from_secs(10);

/// The relays of an endpoint: none unless its reach is the internet.
pub(super) fn mode(options: &Options) -> Result<RelayMode, BindError> {
    let looking = options.looking.as_ref().filter(|_| options.reach >= Reach::Internet);
    match looking.map_or(&Servers::Off, |looking| &looking.sources.relays) {
        Servers::Off => Ok(RelayMode::Disabled),
        Servers::Public => Ok(RelayMode::Default),
        Servers::Own(urls) => {
            let url = |text: &String| {
                text.parse::<RelayUrl>().map_err(|error| BindError::Server {
                    kind: Source::Relay,
                    server: text.clone(),
                    why: error.to_string(),
                })
            };
            Ok(RelayMode::custom(urls.iter().map(url).collect::<Result<Vec<_>, _>>()?))
        }
    }
}

/// The nearest relay is found by measuring; without relays there is nothing to measure.
pub(super) fn probes(has_relays: bool) -> NetReportConfig {
    let mut probes = NetReportConfig::minimal();
    probes.https_probes = has_relays;
    probes
}

/// Tells when no relay answers, and when one does again.
pub(super) async fn watch(endpoint: iroh::Endpoint, seat: Seat) {
    let (status, closed) = (endpoint.home_relay_status(), endpoint.closed());
    drop(endpoint);
    closed.run_until(follow(status, seat.health(Source::Relay))).await;
}

async fn follow(mut status: impl Watcher<Value = Vec<RelayStatus>>, mut health: Health) {
    loop {
        let relays = status.get();
        let stands = relays.iter().any(RelayStatus::is_connected);
        if stands {
            health.works();
        } else if let Some(error) = relays.iter().find_map(RelayStatus::last_error) {
            health.trouble(error);
        }
        match timeout(PATIENCE, status.updated()).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return,
            Err(_) if !stands => health.trouble("no relay answers"),
            Err(_) => {}
        }
    }
}
