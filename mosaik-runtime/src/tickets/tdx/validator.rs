//! Quotes as tickets.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Collateral, CollateralSource, MeasurementsFile, MeasurementsFileError, ReportData, Required, Verified,
    answer_data, report_data, verify,
};
use crate::{
    primitives::{Wall, codec},
    tickets::{Class, Denial, Nonce, Shown, Valid, Validation, Validator, Verdict, trusted::aside},
};

/// How far a quote's time may lie ahead of this node's clock.
const LEEWAY: Duration = Duration::from_secs(60);

/// A TDX ticket. Versions are variants, appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TicketFrame {
    V1(TicketV1),
    /// An answer to a challenge, which is no ticket.
    Answer(AnswerV1),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AnswerV1 {
    /// The quote; its report data holds the nonce.
    pub(super) quote: Bytes,
    /// As in a ticket.
    pub(super) collateral: Bytes,
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
    required: Mutex<Arc<Required>>,
    measured: Option<Mutex<MeasurementsFile>>,
    changes: AtomicU64,
    collateral: Option<Arc<dyn CollateralSource>>,
    takes_shown: bool,
}

impl Tdx {
    /// Checks quotes with the collateral that peers show. `name` is the proof's.
    pub fn new(name: impl Into<String>, required: Required) -> Self {
        Self {
            name: name.into(),
            required: Mutex::new(Arc::new(required)),
            measured: None,
            changes: AtomicU64::new(0),
            collateral: None,
            takes_shown: true,
        }
    }

    /// Takes the images from this file instead of from what was required; it is read again when it changes. One that cannot be used any
    /// more changes nothing.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or others may change it.
    pub fn measured_by(mut self, file: MeasurementsFile) -> Result<Self, MeasurementsFileError> {
        self.measured = Some(Mutex::new(file));
        self.reread()?;
        Ok(self)
    }

    fn required(&self) -> Arc<Required> {
        lock(&self.required).clone()
    }

    /// Reads the file of measurements again if it changed.
    fn reread(&self) -> Result<(), MeasurementsFileError> {
        let Some(file) = &self.measured else { return Ok(()) };
        let Some(variants) = lock(file).read()? else { return Ok(()) };
        let mut required = lock(&self.required);
        *required = Arc::new(Required { variants, ..(**required).clone() });
        drop(required);
        self.changes.fetch_add(1, Ordering::AcqRel);
        Ok(())
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
        let verified = self.genuine(&ticket.quote, &ticket.collateral, shown.now)?;
        bound(&ticket, &verified, &shown)?;
        Ok(Valid { until: age.min(verified.until) })
    }

    /// Checks an answer to a challenge.
    pub fn check_answer(&self, shown: Shown<'_>, nonce: &Nonce) -> Verdict {
        let Ok(TicketFrame::Answer(answer)) = codec::decode(shown.ticket.bytes()) else {
            return Err(malformed("it is no answer to a challenge"));
        };
        let verified = self.genuine(&answer.quote, &answer.collateral, shown.now)?;
        is_over(&verified, &answer_data(&shown.network_id(), &shown.peer, nonce)).map_err(|_| {
            Denial::Unmet {
                why: "the quote answers another challenge, or was made for another peer".to_owned(),
            }
        })?;
        let counts = self.required().challenge.unwrap_or_default();
        Ok(Valid { until: shown.now.later(counts).min(verified.until) })
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
        let genuine = self.genuine(&ticket.quote, &ticket.collateral, shown.now);
        let binding = match &genuine {
            Ok(verified) => bound(&ticket, verified, &shown).map(|()| "this peer on this network".to_owned()),
            Err(_) => Err(Denial::Unavailable { why: "the quote was not verified".to_owned() }),
        };
        let image =
            genuine.map(|verified| format!("the variant `{}` on a genuine platform", verified.variant));
        vec![("form", Ok("a ticket of TDX".to_owned())), ("age", age), ("quote", image), ("binding", binding)]
    }

    /// What the quote says, verified with the verifier's own collateral, else with the ticket's.
    fn genuine(&self, quote: &[u8], collateral: &[u8], now: Wall) -> Result<Verified, Denial> {
        let with_it = match collateral {
            [] => None,
            json => Some(Collateral::from_json(json).map_err(|error| malformed(&error.to_string()))?),
        };
        let source = Either {
            own: self.collateral.as_deref().map(|own| own as &dyn CollateralSource),
            shown: with_it.filter(|_| self.takes_shown),
        };
        verify(quote, &source, &self.required(), now)
    }

    /// Until when the quote is young enough.
    fn age(&self, ticket: &TicketV1, now: Wall) -> Result<Wall, Denial> {
        let made = Wall(ticket.epoch.saturating_mul(1000));
        let from = Wall(made.0.saturating_sub(LEEWAY.as_millis() as u64));
        if now < from {
            return Err(Denial::NotYet { after: from.distance(now), from });
        }
        let until = made.later(self.required().max_age);
        if now >= until { Err(Denial::Expired { ago: now.distance(until) }) } else { Ok(until) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn malformed(why: &str) -> Denial {
    Denial::Malformed { why: why.to_owned() }
}

fn decode(bytes: &[u8]) -> Result<TicketV1, Denial> {
    match codec::decode(bytes) {
        Ok(TicketFrame::V1(ticket)) => Ok(ticket),
        Ok(TicketFrame::Answer(_)) => Err(malformed("it is an answer to a challenge, and no ticket")),
        Err(_) => Err(malformed("it is not a ticket of TDX")),
    }
}

/// That the quote was made for this peer on this network, and in the second that the ticket names.
fn bound(ticket: &TicketV1, verified: &Verified, shown: &Shown<'_>) -> Result<(), Denial> {
    is_over(verified, &report_data(&shown.network_id(), &shown.peer, ticket.epoch))
}

/// That a quote was made over these bytes.
fn is_over(verified: &Verified, data: &ReportData) -> Result<(), Denial> {
    if verified.report_data == *data { Ok(()) } else { Err(Denial::OtherPeer) }
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
        let of_collateral = self.collateral.as_ref().map_or(0, |source| source.generation());
        // Both only grow.
        of_collateral.wrapping_add(self.changes.load(Ordering::Acquire))
    }

    fn refresh(&self) -> Result<(), String> {
        let collateral = self.collateral.as_ref().map_or(Ok(()), |source| source.refresh());
        self.reread().map_err(|error| error.to_string()).and(collateral)
    }

    fn challenge(&self) -> Option<Duration> {
        self.required().challenge
    }

    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a> {
        Box::pin(async move { aside(|| self.check(shown)) })
    }

    fn answered<'a>(&'a self, shown: Shown<'a>, nonce: &'a Nonce) -> Validation<'a> {
        Box::pin(async move { aside(|| self.check_answer(shown, nonce)) })
    }
}

impl fmt::Debug for Tdx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tdx")
            .field("name", &self.name)
            .field("required", &self.required())
            .finish_non_exhaustive()
    }
}
