//! The attributes and the runtime derive the same ids from the same intents.

use mosaik::{primitives::StreamId, streams::Datum};

#[mosaik::stream("host.load")]
struct Load {
    _cpu_percent: f32,
}

#[mosaik::stream("greenhouse.temperature")]
struct Reading(f32);

#[mosaik::stream]
struct HTTPServer;

/// The literals stand in `mosaik-macros/src/model/intent.rs` too.
#[test]
fn ids_at_expansion_are_ids_at_run_time() {
    for (expanded, intent, golden) in [
        (Load::DESCRIPTOR, "host.load", "fd0cc6e36469265134c14335d8599963d2d0a7c00db4f84f84896127564db775"),
        (
            Reading::DESCRIPTOR,
            "greenhouse.temperature",
            "36f84c29c9f59bc8b53923d2f3a8661230ee46a909494467b5e283775933e247",
        ),
    ] {
        assert_eq!(expanded.intent.text, intent);
        assert_eq!(expanded.id(), StreamId::derive(intent));
        assert_eq!(expanded.id().to_string(), golden);
    }
    assert_eq!(HTTPServer::DESCRIPTOR.intent.text, "mosaik-tests.http-server");
    assert_eq!(HTTPServer::DESCRIPTOR.id(), StreamId::derive("mosaik-tests.http-server"));
    let _ = (Load { _cpu_percent: 0.5 }, Reading(21.0), HTTPServer);
}

/// What the attributes call an intent, the runtime does too: their grammars are written twice.
#[test]
fn intents_of_the_attributes_are_intents_of_the_runtime() {
    for stream in [Load::DESCRIPTOR, Reading::DESCRIPTOR, HTTPServer::DESCRIPTOR] {
        assert!(mosaik::primitives::intent::is_valid(stream.intent.text), "{}", stream.intent.text);
    }
}
