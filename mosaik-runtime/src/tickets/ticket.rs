//! A ticket: some bytes that prove something about the peer that shows them.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::primitives::{
    Schema,
    ids::hex,
    schema::{Seen, Shape},
};

/// The largest ticket, in bytes. A TDX quote with its collateral has about 30 KiB.
pub const MAX_TICKET: usize = 64 * 1024;
/// The longest class, in bytes.
const MAX_CLASS: usize = 32;

/// What kind of proof a ticket is: `jwt`, `tdx`, or the word of an own validator. It says who can read the bytes, and proves
/// nothing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Class(String);

impl Class {
    /// A class from its word: 1 to 32 bytes of `[a-z0-9.-]`.
    pub fn new(word: &str) -> Result<Self, TicketError> {
        let fits = (1..=MAX_CLASS).contains(&word.len())
            && word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
        if fits { Ok(Self(word.to_owned())) } else { Err(TicketError::Class) }
    }

    /// The class of JSON Web Tokens.
    pub fn jwt() -> Self {
        Self("jwt".to_owned())
    }

    /// The class of Intel TDX quotes.
    pub fn tdx() -> Self {
        Self("tdx".to_owned())
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Class {
    type Error = TicketError;

    fn try_from(word: String) -> Result<Self, TicketError> {
        Self::new(&word)
    }
}

impl From<Class> for String {
    fn from(class: Class) -> Self {
        class.0
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Class({})", self.0)
    }
}

/// The content of a ticket, hashed with its class. It names a ticket where the ticket itself must not be shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TicketId([u8; 32]);

impl TicketId {
    /// An id from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of this id.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Schema for TicketId {
    fn shape(seen: &mut Seen) -> Shape {
        <[u8; 32]>::shape(seen)
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketId({})", hex(&self.0[..5]))
    }
}

/// Bytes that prove something about a peer. They are a secret of the two sides: neither `Debug` nor `Display` shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    class: Class,
    bytes: Bytes,
    id: TicketId,
}

/// A ticket cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// The class is no word.
    #[error("a ticket's class is 1 to {MAX_CLASS} characters of `a-z`, `0-9`, `.` and `-`")]
    Class,
    /// No bytes.
    #[error("the ticket is empty: check what made it")]
    Empty,
    /// Too many bytes.
    #[error("the ticket has {size} bytes and the limit is {MAX_TICKET}: put less into it")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
}

impl Ticket {
    /// A ticket of `class`, of 1 byte to [`MAX_TICKET`].
    pub fn new(class: Class, bytes: impl Into<Bytes>) -> Result<Self, TicketError> {
        let bytes = bytes.into();
        match bytes.len() {
            0 => return Err(TicketError::Empty),
            size if size > MAX_TICKET => return Err(TicketError::TooLarge { size }),
            _ => {}
        }
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 ticket");
        // impossible to confuse: a class holds no zero byte.
        hasher.update(class.0.as_bytes()).update(&[0]).update(&bytes);
        let id = TicketId(*hasher.finalize().as_bytes());
        Ok(Self { class, bytes, id })
    }

    /// What kind of proof it is.
    pub fn class(&self) -> &Class {
        &self.class
    }

    /// The bytes. Do not log them.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The content, hashed.
    pub fn id(&self) -> TicketId {
        self.id
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({}, {} bytes, {})", self.class, self.bytes.len(), hex(&self.id.0[..5]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_names_the_ticket() {
        let ticket = |class, bytes: &'static [u8]| {
            Ticket::new(Class::new(class).expect("a word"), bytes).expect("fits").id()
        };
        assert_eq!(ticket("jwt", b"a"), ticket("jwt", b"a"));
        assert_ne!(ticket("jwt", b"a"), ticket("jwt", b"b"));
        assert_ne!(ticket("jwt", b"wa"), ticket("jwtw", b"a"));
        let golden = "d0aadb7cc13913a23366c0adb1c97c79771857468dc6d5dc73c6578cbfd343cc";
        assert_eq!(ticket("jwt", b"a").to_string(), golden, "the id is the wire's");
    }

    #[test]
    fn t6_neither_debug_nor_errors_show_the_bytes() {
        let ticket = Ticket::new(Class::jwt(), "top-secret").expect("fits");
        assert!(!format!("{ticket:?}").contains("top-secret"));
    }

    #[test]
    fn sizes_and_words_are_checked() {
        assert_eq!(Ticket::new(Class::jwt(), vec![]), Err(TicketError::Empty));
        let size = MAX_TICKET + 1;
        assert_eq!(Ticket::new(Class::jwt(), vec![0; size]), Err(TicketError::TooLarge { size }));
        for word in ["", "JWT", "a b", "a/b", "a\0", &"a".repeat(33)] {
            assert_eq!(Class::new(word), Err(TicketError::Class), "{word:?}");
        }
    }
}
