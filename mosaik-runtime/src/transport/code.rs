//! Why a stream or a connection ended, as a number that travels. The numbers are stable.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// A close code. Codes are only ever appended; one that this version does not know reads as `Unknown`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u32)]
        pub enum Code {
            $($(#[$doc])* $name = $number,)*
        }

        impl Code {
            /// All codes, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code with this number.
            pub const fn from_number(number: u32) -> Self {
                match number {
                    $($number => Self::$name,)*
                    _ => Self::Unknown,
                }
            }

            /// What it means, as messages use it.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// Finished as intended.
    Done = 0, "done";
    /// Another network name, another secret, or none: one answer for all (the only one that strangers get).
    NotYourNetwork = 1, "not your network";
    /// Another connection between the same two nodes took its place. Not an error.
    Superseded = 2, "another connection took its place";
    /// The node is shutting down.
    Shutdown = 3, "the node is shutting down";
    /// A step took longer than its deadline.
    Deadline = 4, "a deadline passed";
    /// A frame or a message is over its limit.
    TooLarge = 5, "over a size limit";
    /// Bytes that do not decode, or that came out of turn.
    Malformed = 6, "malformed";
    /// The task that held the stream panicked.
    Panicked = 7, "the handler panicked";
    /// Nobody listens for this protocol.
    UnknownProtocol = 8, "unknown protocol";
    /// A limit on connections, handshakes or streams is reached; try again later.
    Busy = 9, "too busy";
    /// Two live processes use one key.
    IdentityInUse = 10, "two live nodes use one key";
    /// Unused for longer than the idle limit. Not an error.
    Idle = 11, "idle";
    /// No wire revision that both sides speak.
    NoCommonRevision = 12, "no common wire revision";
    /// The holder of the stream let go of it in the middle of a frame.
    Abandoned = 13, "abandoned in the middle of a frame";
    /// Not admitted (any more); the reason travels in the protocol above.
    Refused = 14, "refused";
    /// The reader fell too far behind.
    TooSlow = 15, "too slow";
    /// The reader held up the writer for longer than it may.
    OutOfPatience = 16, "held up the writer for too long";
    /// A code of a newer version.
    Unknown = 65535, "a code of a newer version";
}

impl Code {
    /// The number that travels.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable() {
        let golden = "Done=0 NotYourNetwork=1 Superseded=2 Shutdown=3 Deadline=4 TooLarge=5 Malformed=6 Panicked=7 \
                      UnknownProtocol=8 Busy=9 IdentityInUse=10 Idle=11 NoCommonRevision=12 Abandoned=13 Refused=14 \
                      TooSlow=15 OutOfPatience=16 Unknown=65535";
        let all: Vec<_> = Code::ALL.iter().map(|code| format!("{code:?}={}", code.number())).collect();
        assert_eq!(all.join(" "), golden);
        assert!(Code::ALL.iter().all(|code| Code::from_number(code.number()) == *code));
        assert_eq!(Code::from_number(4711), Code::Unknown);
    }
}
