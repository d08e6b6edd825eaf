//! The grammar of intents; the same rule as the runtime's.

use crate::{
    diag::{Diags, catalog},
    model::Intent,
};

/// The longest intent, in bytes.
const MAX: usize = 128;

/// Checks the intent of an item.
pub(super) fn check(intent: &Intent, attribute: &str, name: &str, diags: &mut Diags) {
    let (text, place) = (&intent.text.value, intent.text.place);
    if !intent.written && intent.id.is_some() {
        return;
    }
    if text.len() > MAX {
        diags.push(catalog::intent_too_long(place, text.len(), MAX));
    } else if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        diags.push(catalog::intent_is_an_id(place));
    } else if !is_valid(text) {
        diags.push(match intent.written {
            true => catalog::not_an_intent(place, text, &corrected(text)),
            false => catalog::no_default_intent(place, attribute, name),
        });
    }
}

fn is_valid(text: &str) -> bool {
    text.split('.').all(|word| word.split('-').all(is_part))
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The intent that was probably meant: white space and other separators become dots.
fn corrected(text: &str) -> String {
    let lower = text.to_ascii_lowercase().replace('_', "-");
    let words = lower.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    let words =
        words.map(|word| word.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-"));
    let joined = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(".");
    if joined.is_empty() { "some.intent".to_owned() } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suggestion_is_an_intent() {
        for (text, meant) in [
            ("Greenhouse Temperature", "greenhouse.temperature"),
            ("host_load", "host-load"),
            ("a..b", "a.b"),
            ("-x-", "x"),
            ("☃", "some.intent"),
        ] {
            assert!(!is_valid(text));
            assert_eq!(corrected(text), meant);
            assert!(is_valid(meant));
        }
    }
}
