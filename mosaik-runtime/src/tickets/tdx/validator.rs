//! Quotes as tickets.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Collateral, CollateralSource, Required, Verified, report_data, verify};
use crate::{
    primitives::{Wall, codec},
    tickets::{Class, Denial, Shown, Valid, Validation, Validator, Verdict, trusted::aside},
};

/// How far a quote's time may lie ahead of this node's clock.
const LEEWAY: Duration = Duration::from_secs(60);

/// A TDX ticket. Versions are variants, appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TicketFrame {
    V1(TicketV1),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TicketV1 {
    /// The second in which the quote was made; the quote's report data holds it to that.
    pub(super) epoch: u64,
    /// The quote.
    pub(super) quote: Bytes,
    /// Collateral as JSON, for verifiers that have none; may be empty.
    pub(super) collateral: Bytes,
}

/// Checks quotes: that a genuine platform runs a required image, for the peer that shows it, on this network, lately.
pub struct Tdx {
    name: String,
    required: Required,
    collateral: Option<Arc<dyn CollateralSource>>,
    takes_shown: bool,
}

impl Tdx {
    /// Checks quotes with the collateral that peers show. `name` is the proof's.
    pub fn new(name: impl Into<String>, required: Required) -> Self {
        Self { name: name.into(), required, collateral: None, takes_shown: true }
    }

    /// Looks for collateral here first.
    #[must_use]
    pub fn collateral(mut self, source: impl CollateralSource + 'static) -> Self {
        self.collateral = Some(Arc::new(source));
        self
    }

    /// Whether collateral that a peer shows is taken where there is no other; yes by default. It is Intel's own and dated, but a
    /// peer can choose an older one that is still in date.
    #[must_use]
    pub fn takes_shown_collateral(mut self, takes: bool) -> Self {
        self.takes_shown = takes;
        self
    }

    /// Checks a ticket.
    pub fn check(&self, shown: Shown<'_>) -> Verdict {
        let ticket = decode(shown.ticket.bytes())?;
        let age = self.age(&ticket, shown.now)?;
        let verified = self.genuine(&ticket, shown.now)?;
        bound(&ticket, &verified, &shown)?;
        Ok(Valid { until: age.min(verified.until) })
    }

    /// Each of the checks by itself, in the order in which they are made, with what was found. `check` decides.
    pub fn report(&self, shown: Shown<'_>) -> Vec<(&'static str, Result<String, Denial>)> {
        let ticket = match decode(shown.ticket.bytes()) {
            Ok(ticket) => ticket,
            Err(denial) => return vec![("form", Err(denial))],
        };
        let age = self.age(&ticket, shown.now).map(|_| {
            let made = Wall(ticket.epoch.saturating_mul(1000));
            format!("the quote was made {} s ago", shown.now.distance(made).as_secs())
        });
        let genuine = self.genuine(&ticket, shown.now);
        let binding = match &genuine {
            Ok(verified) => bound(&ticket, verified, &shown).map(|()| "this peer on this network".to_owned()),
            Err(_) => Err(Denial::Unavailable { why: "the quote was not verified".to_owned() }),
        };
        let image =
            genuine.map(|verified| format!("the variant `{}` on a genuine platform", verified.variant));
        vec![("form", Ok("a ticket of TDX".to_owned())), ("age", age), ("quote", image), ("binding", binding)]
    }

    /// What the quote says, verified with the verifier's own collateral, else with the ticket's.
    fn genuine(&self, ticket: &TicketV1, now: Wall) -> Result<Verified, Denial> {
        let with_it = match &ticket.collateral[..] {
            [] => None,
            json => Some(Collateral::from_json(json).map_err(|error| malformed(&error.to_string()))?),
        };
        let source = Either {
            own: self.collateral.as_deref().map(|own| own as &dyn CollateralSource),
            shown: with_it.filter(|_| self.takes_shown),
        };
        verify(&ticket.quote, &source, &self.required, now)
    }

    /// Until when the quote is young enough.
    fn age(&self, ticket: &TicketV1, now: Wall) -> Result<Wall, Denial> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let made = Wall(ticket.epoch.saturating_mul(1000));
        let from = Wall(made.0.saturating_sub(millis(LEEWAY)));
        if now < from {
            return Err(Denial::NotYet { after: from.distance(now), from });
        }
        let until = Wall(made.0.saturating_add(millis(self.required.max_age)));
        if now >= until { Err(Denial::Expired { ago: now.distance(until) }) } else { Ok(until) }
    }
}

fn malformed(why: &str) -> Denial {
    Denial::Malformed { why: why.to_owned() }
}

fn decode(bytes: &[u8]) -> Result<TicketV1, Denial> {
    let TicketFrame::V1(ticket) = codec::decode(bytes).map_err(|_| malformed("it is not a ticket of TDX"))?;
    Ok(ticket)
}

/// That the quote was made for this peer on this network, and in the second that the ticket names.
fn bound(ticket: &TicketV1, verified: &Verified, shown: &Shown<'_>) -> Result<(), Denial> {
    match verified.report_data == report_data(&shown.network_id(), &shown.peer, ticket.epoch) {
        true => Ok(()),
        false => Err(Denial::OtherPeer),
    }
}

/// The quote in a ticket of TDX; `None` when the bytes are no such ticket.
pub fn quote_of(ticket: &[u8]) -> Option<Bytes> {
    decode(ticket).ok().map(|ticket| ticket.quote)
}

/// The verifier's own collateral, else the ticket's.
struct Either<'a> {
    own: Option<&'a dyn CollateralSource>,
    shown: Option<Collateral>,
}

impl CollateralSource for Either<'_> {
    fn find(&self, fmspc: &str) -> Vec<Collateral> {
        let own = self.own.map(|own| own.find(fmspc)).unwrap_or_default();
        if own.is_empty() {
            self.shown.iter().filter(|it| it.fmspc() == fmspc).cloned().collect()
        } else {
            own
        }
    }
}

impl Validator for Tdx {
    fn name(&self) -> &str {
        &self.name
    }

    fn class(&self) -> Class {
        Class::tdx()
    }

    fn generation(&self) -> u64 {
        self.collateral.as_ref().map_or(0, |source| source.generation())
    }

    fn refresh(&self) -> Result<(), String> {
        self.collateral.as_ref().map_or(Ok(()), |source| source.refresh())
    }

    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a> {
        Box::pin(async move { aside(|| self.check(shown)) })
    }
}

impl fmt::Debug for Tdx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tdx")
            .field("name", &self.name)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}
