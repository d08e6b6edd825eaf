//! The grammar of intents: the human-readable names from which ids are derived.
//!
//! An intent is words of `[a-z0-9]`, hyphens inside a word, dots between words, at most 128 bytes.
//! Spelling is strict because every node that writes the same intent means the same item.

/// The longest intent, in bytes.
pub const MAX: usize = 128;

/// Whether `text` is an intent.
pub fn is_valid(text: &str) -> bool {
    text.len() <= MAX && text.split('.').all(is_word)
}

fn is_word(word: &str) -> bool {
    !word.is_empty()
        && word.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// The text is not an intent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an intent: use lower-case words joined by dots, such as \"greenhouse.temperature\"")]
pub struct NotAnIntent(pub String);

/// Checks an intent that is decided at run time.
pub fn check(text: &str) -> Result<(), NotAnIntent> {
    if is_valid(text) { Ok(()) } else { Err(NotAnIntent(text.chars().take(MAX).collect())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intents_are_lower_case_words_joined_by_dots() {
        for good in ["a", "host.load", "dark-pool.v2.orders", "x.1"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "A", "a b", "a-", "-a", "a--b", "a_b", "é"] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
