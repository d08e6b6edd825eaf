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

use mosaik_runtime::transport::Refused;

use super::error::UsageError;

/// What people want to read: what mosaik says about nodes and peers, and warnings. What ends a member is said by mosaik in a sentence; what
/// openraft says besides is for developers, such as an error for each stream that is open when a node stops in order.
const FOR_PEOPLE: &str = "warn,mosaik=info,openraft=off,iroh=error,noq=error,noq_proto=error,noq_udp=error";

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
/// How many sentences are remembered; the oldest is forgotten, and may be said again.
const REMEMBERED: usize = 256;

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
                if said.len() >= REMEMBERED
                    && let Some(oldest) = said.iter().min_by_key(|(_, at)| **at).map(|(text, _)| text.clone())
                {
                    said.remove(&oldest);
                }
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
        let sentence = sentence.text();
        if self.was_said(&sentence) {
            return Ok(());
        }
        let (mark, colour) = match *event.metadata().level() {
            Level::ERROR => ("error: ", "31"),
            Level::WARN => ("warning: ", "33"),
            _ => ("", "2"),
        };
        if to.has_ansi_escapes() {
            writeln!(to, "\u{1b}[{colour}m{mark}{sentence}\u{1b}[0m")
        } else {
            writeln!(to, "{mark}{sentence}")
        }
    }
}

/// The message with the fields that say whom and what it is about; of an event without a message, all of its fields.
#[derive(Default)]
struct Sentence {
    message: String,
    about: Vec<String>,
    fields: Vec<String>,
}

impl Sentence {
    fn text(&self) -> String {
        let text = match (self.message.as_str(), self.about.as_slice()) {
            ("", _) => self.fields.join(", "),
            (message, []) => message.to_owned(),
            (message, about) => format!("{message} ({})", about.join(", ")),
        };
        match advice(&self.message) {
            Some(advice) => format!("{text}: {advice}"),
            None => text,
        }
    }
}

/// What to write on the command line about a refusal. The runtime does not know of options.
fn advice(message: &str) -> Option<&'static str> {
    let reason = message.strip_prefix("refused: ")?;
    let known = [
        (Refused::NotYourNetwork, "start both with the same --network and --network-secret-file"),
        (Refused::OtherSecret, "start both with the same --network and --network-secret-file"),
        (Refused::OtherNetwork, "start both with the same --network"),
        (Refused::NoSecret, "if it belongs here, start it with this node's --network-secret-file"),
        (Refused::UnexpectedSecret, "start this node with the peer's --network-secret-file"),
        (Refused::IdentityInUse, "start each with a --secret-key-file of its own"),
    ];
    known.into_iter().find(|(refused, _)| refused.to_string() == reason).map(|(_, advice)| advice)
}

impl field::Visit for Sentence {
    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        let (name, value) = (field.name(), format!("{value:?}"));
        match name {
            "message" => self.message = value,
            "peer" | "producer" | "stream" | "group" | "count" => {
                self.about.push(format!("{name} {}", bare(&value)))
            }
            // The name of a stream or a group.
            "item" => self.about.push(value),
            _ => self.fields.push(format!("{name}: {value}")),
        }
    }
}

/// `Some(PeerId(4f1a))` and `"4f1a"` as `4f1a`.
fn bare(value: &str) -> &str {
    let inner = value.rsplit('(').next().unwrap_or(value);
    inner.trim_end_matches(')').trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_said_once_and_the_memory_has_an_end() {
        let log = ForPeople::default();
        assert!(!log.was_said("0"));
        assert!(log.was_said("0"));
        for number in 1..=2 * REMEMBERED {
            assert!(!log.was_said(&number.to_string()));
        }
        assert_eq!(log.0.lock().expect("nobody panics").len(), REMEMBERED);
        assert!(!log.was_said("0"), "the oldest is forgotten");
        assert!(log.was_said(&(2 * REMEMBERED).to_string()), "the newest is not");
    }

    #[test]
    fn a_refusal_for_a_secret_names_the_option() {
        for refused in
            [Refused::NotYourNetwork, Refused::OtherSecret, Refused::NoSecret, Refused::UnexpectedSecret]
        {
            let sentence = Sentence { message: format!("refused: {refused}"), ..Sentence::default() };
            assert!(sentence.text().contains("--network-secret-file"), "{}", sentence.text());
        }
        assert_eq!(advice("refused: the handshake took too long"), None);
    }
}
