//! The fuzz target of tokens: texts that peers show, and sets of keys.

use std::sync::OnceLock;

use serde_json::Value;

use super::{Jwt, Key, KeySet, inspect, twin::twin};
use crate::{
    primitives::{PeerId, Wall, fuzz::Target},
    tickets::{Class, Shown, Ticket},
};

/// Whom the recorded tokens name, and a second in which they are good.
const PEER: PeerId = PeerId::from_bytes([1; 32]);
const NOW: Wall = Wall(1_700_000_010_000);

/// Recorded keys and tokens of all algorithms.
fn recorded() -> Vec<(String, String)> {
    let all: Vec<Value> = serde_json::from_str(include_str!("vectors.json")).unwrap_or_default();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    all.iter().map(|one| (text(one, "token"), text(one, "public_jwk"))).collect()
}

fn desk() -> &'static Jwt {
    static DESK: OnceLock<Jwt> = OnceLock::new();
    DESK.get_or_init(|| {
        let keys = recorded().into_iter().filter_map(|(_, key)| Key::from_jwk(&key).ok());
        Jwt::new("Desk", KeySet::new(keys).expect("recorded keys")).claim("role", "trader")
    })
}

/// Tokens: what passes is one that was recorded, or its twin.
pub(crate) const TOKENS: Target = Target {
    name: "tokens",
    run: |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes) {
            let _ = KeySet::parse(text);
        }
        let Ok(ticket) = Ticket::new(Class::jwt(), bytes.to_vec()) else { return };
        let shown = Shown { ticket: &ticket, peer: PEER, network: "dark", now: NOW };
        let report = desk().report(shown);
        let checked = desk().check(shown);
        assert_eq!(checked.is_ok(), report.iter().all(|(_, found)| found.is_ok()), "{report:?}");
        let other = twin(bytes);
        if let Some(other) = &other {
            assert_eq!(twin(other).as_deref(), Some(bytes), "a twin's twin is the token itself");
        }
        if let Ok((claims, valid)) = checked {
            let known = |token: &[u8]| recorded().iter().any(|(known, _)| known.as_bytes() == token);
            assert!(known(bytes) || other.is_some_and(|other| known(&other)), "a token that nobody made");
            assert!(valid.until > NOW && claims.subject == Some(PEER.to_string()));
            assert_eq!(inspect(bytes).map(|said| said.claims), Ok(claims));
        }
    },
    seeds: || {
        let (tokens, keys): (Vec<String>, Vec<String>) = recorded().into_iter().unzip();
        let set = format!("{{\"keys\":[{}]}}", keys.join(","));
        let twin = tokens.iter().find_map(|token| twin(token.as_bytes()));
        tokens.into_iter().chain([set]).map(String::into_bytes).chain(twin).collect()
    },
};
