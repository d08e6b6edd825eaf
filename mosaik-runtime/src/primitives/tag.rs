//! Tags: short labels that a node claims for itself. They are claims, not proofs.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// A label of a node, 1 to 64 bytes of printable text without white space.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Arc<str>);

/// The text cannot be a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a tag: use 1 to 64 bytes of printable text without white space")]
pub struct NotATag(String);

impl Tag {
    /// The longest tag, in bytes.
    pub const MAX: usize = 64;

    /// A tag with this text.
    pub fn new(text: &str) -> Result<Self, NotATag> {
        let printable = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
        if text.is_empty() || text.len() > Self::MAX || !printable {
            return Err(NotATag(text.chars().take(Self::MAX).collect()));
        }
        Ok(Self(text.into()))
    }

    /// The text of this tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Tag {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl FromStr for Tag {
    type Err = NotATag;

    fn from_str(text: &str) -> Result<Self, NotATag> {
        Self::new(text)
    }
}

impl TryFrom<String> for Tag {
    type Error = NotATag;

    fn try_from(text: String) -> Result<Self, NotATag> {
        Self::new(&text)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_short_and_printable() {
        assert!(Tag::new("sensor").is_ok());
        assert!(Tag::new("name=Zoë").is_ok());
        for bad in ["", "two words", "line\nbreak", &"x".repeat(65)] {
            assert!(Tag::new(bad).is_err(), "{bad:?}");
        }
    }
}
