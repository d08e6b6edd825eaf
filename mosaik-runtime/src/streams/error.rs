//! What can go wrong with a stream, and what to do about it.

use std::{error::Error, fmt, time::Duration};

use super::core::limits::BadLimit;
use crate::{
    discovery::EntryTooLarge,
    primitives::{Stopped, codec::EncodeError, intent::NotAnIntent},
};

/// A producer or consumer could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// The name of the stream is not well-formed.
    #[error(transparent)]
    Intent(#[from] NotAnIntent),
    /// A limit that cannot be.
    #[error("stream `{intent}`: {limit}")]
    Limit {
        /// The stream.
        intent: String,
        /// What is wrong.
        #[source]
        limit: BadLimit,
    },
    /// This node has handles of the stream with other settings.
    #[error(
        "stream `{intent}` is open on this node with other settings: {difference}. All handles of a stream on one node share their settings"
    )]
    Differs {
        /// The stream.
        intent: String,
        /// The first setting that differs, with both values.
        difference: String,
    },
    /// The type, or an older one that is accepted, holds a sequence of elements that take no bytes, such as `Vec<()>`.
    #[error(
        "stream `{intent}` cannot travel: its type, or an older one that is accepted, holds a sequence of elements without bytes, and a few bytes could claim any number of them; send the number instead"
    )]
    Weightless {
        /// The stream.
        intent: String,
    },
    /// `prefer(nearest(0))`.
    #[error(
        "stream `{intent}`: `prefer(nearest(0))` would never subscribe to a producer; prefer at least the nearest one, or drop the consumer"
    )]
    NoProducers {
        /// The stream.
        intent: String,
    },
    /// The node's entry is full.
    #[error(transparent)]
    Entry(#[from] EntryTooLarge),
    /// The node is stopping.
    #[error("the stream cannot be opened")]
    Stopped(#[from] Stopped),
}

/// Why an item was not sent. The item comes back.
pub enum SendError<T> {
    /// The encoded item is over `max_item`.
    TooLarge {
        /// The item.
        item: T,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The item's type refused to be encoded.
    NotEncodable {
        /// The item.
        item: T,
        /// What it said.
        why: String,
    },
    /// The producer did not come online in time (`online_when`).
    Offline {
        /// The item.
        item: T,
        /// How long it was waited for.
        within: Duration,
    },
    /// The node is stopping.
    Stopped(T),
}

/// Why an item was not sent at once. The item comes back.
pub enum TrySendError<T> {
    /// Under `block`: a subscriber has no room. Try later, or use `send`.
    Full(T),
    /// The producer is not online (`online_when`).
    Offline(T),
    /// The encoded item is over `max_item`.
    TooLarge {
        /// The item.
        item: T,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The item's type refused to be encoded.
    NotEncodable {
        /// The item.
        item: T,
        /// What it said.
        why: String,
    },
    /// The node is stopping.
    Stopped(T),
}

impl<T> SendError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::TooLarge { item, .. } | Self::NotEncodable { item, .. } | Self::Offline { item, .. } => {
                item
            }
            Self::Stopped(item) => item,
        }
    }

    pub(crate) fn encode(item: T, error: EncodeError) -> Self {
        match error {
            EncodeError::TooLarge { limit } => Self::TooLarge { item, limit },
            EncodeError::Refused(why) => Self::NotEncodable { item, why },
        }
    }

    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit, .. } => too_large(f, *limit),
            Self::NotEncodable { why, .. } => write!(f, "the item cannot be encoded: {why}"),
            Self::Offline { within, .. } => {
                write!(
                    f,
                    "the producer did not come online within {within:?}: fewer subscribers than `online_when` asks for"
                )
            }
            Self::Stopped(_) => f.write_str("the item was not sent"),
        }
    }
}

impl<T> TrySendError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::TooLarge { item, .. } | Self::NotEncodable { item, .. } => item,
            Self::Full(item) | Self::Offline(item) | Self::Stopped(item) => item,
        }
    }

    pub(crate) fn encode(item: T, error: EncodeError) -> Self {
        match error {
            EncodeError::TooLarge { limit } => Self::TooLarge { item, limit },
            EncodeError::Refused(why) => Self::NotEncodable { item, why },
        }
    }

    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("a subscriber has no room for the item: try later, or use `send`"),
            Self::Offline(_) => {
                f.write_str("the producer is not online: fewer subscribers than `online_when` asks for")
            }
            Self::TooLarge { limit, .. } => too_large(f, *limit),
            Self::NotEncodable { why, .. } => write!(f, "the item cannot be encoded: {why}"),
            Self::Stopped(_) => f.write_str("the item was not sent"),
        }
    }
}

fn too_large(f: &mut fmt::Formatter<'_>, limit: usize) -> fmt::Result {
    write!(
        f,
        "the encoded item is larger than {limit} bytes: raise the limit with `.max_item(..)` of the builder, or send the item in parts"
    )
}

macro_rules! error {
    ($name:ident) => {
        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.text(f)
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl<T> Error for $name<T> {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                match self {
                    Self::Stopped(_) => Some(&Stopped),
                    _ => None,
                }
            }
        }
    };
}

error!(SendError);
error!(TrySendError);

/// Why a `Sink` failed: as [`SendError`], without the item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The encoded item is over `max_item`.
    #[error(
        "the encoded item is larger than {limit} bytes: raise the limit with `.max_item(..)` of the builder, or send the item in parts"
    )]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The item's type refused to be encoded.
    #[error("the item cannot be encoded: {0}")]
    NotEncodable(String),
    /// The producer did not come online in time (`online_when`).
    #[error("the producer did not come online within {0:?}: fewer subscribers than `online_when` asks for")]
    Offline(Duration),
    /// The node is stopping.
    #[error("the item was not sent")]
    Stopped(#[from] Stopped),
}

impl From<EncodeError> for SinkError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::TooLarge { limit } => Self::TooLarge { limit },
            EncodeError::Refused(why) => Self::NotEncodable(why),
        }
    }
}

/// Waiting for delivery ended without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlushError {
    /// The node is stopping.
    #[error("the items were not delivered before the stop")]
    Stopped(#[from] Stopped),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_recognised_and_the_item_comes_back() {
        let error = SendError::Stopped(vec![7]);
        assert!(Stopped::is_in(&error));
        assert_eq!(error.into_inner(), [7]);
        let full = TrySendError::Full("x");
        assert!(!Stopped::is_in(&full) && full.into_inner() == "x");
    }
}
