//! What a node says on standard error.
//!
//! Without `--log` a person reads it: plain sentences about nodes and peers, and what went wrong. With `--log` a
//! developer does: time, level, target and fields.

use std::{
    collections::BTreeMap,
    fmt,
    io::{IsTerminal, stderr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{Event, Level, Subscriber, field};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::error::UsageError;

/// What people want to read: what mosaik says about nodes and peers, and warnings.
const FOR_PEOPLE: &str = "warn,mosaik=info,iroh=error,noq=error,noq_proto=error,noq_udp=error";

/// Starts logging for the whole process.
pub(super) fn start(filter: Option<&str>) -> Result<(), UsageError> {
    let parsed = EnvFilter::try_new(filter.unwrap_or(FOR_PEOPLE));
    let parsed = parsed.map_err(|error| UsageError::Log(error.to_string()))?;
    let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_writer(stderr).with_ansi(colours).with_env_filter(parsed);
    // A program that has its own subscriber already keeps it.
    let _ = match filter {
        Some(_) => log.try_init(),
        None => log.event_format(ForPeople::default()).try_init(),
    };
    Ok(())
}

/// For how long a sentence is not said again.
const ONCE: Duration = Duration::from_secs(30);

/// One sentence a line; what is tried again and again is said once in a while.
#[derive(Default)]
struct ForPeople(Mutex<BTreeMap<String, Instant>>);

impl ForPeople {
    fn was_said(&self, sentence: &str) -> bool {
        let now = Instant::now();
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, at| now.duration_since(*at) < ONCE);
        match said.get(sentence) {
            Some(_) => true,
            None => {
                said.insert(sentence.to_owned(), now);
                false
            }
        }
    }
}

impl<S, N> FormatEvent<S, N> for ForPeople
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut sentence = Sentence::default();
        event.record(&mut sentence);
        if self.was_said(sentence.text()) {
            return Ok(());
        }
        let (mark, colour) = match *event.metadata().level() {
            Level::ERROR => ("error: ", "31"),
            Level::WARN => ("warning: ", "33"),
            _ => ("", "2"),
        };
        if to.has_ansi_escapes() {
            writeln!(to, "\u{1b}[{colour}m{mark}{}\u{1b}[0m", sentence.text())
        } else {
            writeln!(to, "{mark}{}", sentence.text())
        }
    }
}

/// The message; of an event without one, its fields.
#[derive(Default)]
struct Sentence {
    message: String,
    fields: String,
}

impl Sentence {
    fn text(&self) -> &str {
        if self.message.is_empty() { self.fields.trim_end() } else { &self.message }
    }
}

impl field::Visit for Sentence {
    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields.push_str(&format!("{name}: {value:?} ")),
        }
    }
}
