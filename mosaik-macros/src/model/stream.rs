//! A declared stream.

use syn::Type;

use super::{Data, Intent, Policy, Spanned};

/// What `#[stream]` declares.
pub(crate) struct Stream {
    pub(crate) intent: Intent,
    /// The type that travels.
    pub(crate) data: Data,
    pub(crate) overflow: Option<Overflow>,
    pub(crate) buffer: Option<Spanned<usize>>,
    pub(crate) replay: Option<Spanned<usize>>,
    pub(crate) max_consumers: Option<Spanned<usize>>,
    pub(crate) online_when: Option<OnlineWhen>,
    /// Older types that are still understood, newest first.
    pub(crate) accepts: Vec<Type>,
    pub(crate) producers: Option<Policy>,
    pub(crate) consumers: Option<Policy>,
}

/// What happens when a subscriber is too slow.
#[derive(Clone, Copy)]
pub(crate) enum Overflow {
    Disconnect,
    DropOldest,
    DropNewest,
    Block,
}

impl Overflow {
    /// All policies with their words.
    pub(crate) const ALL: &[(&str, Self)] = &[
        ("disconnect", Self::Disconnect),
        ("drop_oldest", Self::DropOldest),
        ("drop_newest", Self::DropNewest),
        ("block", Self::Block),
    ];
}

/// `subscribed(n)` or `subscribed(n, tag("x"))`.
pub(crate) struct OnlineWhen {
    pub(crate) subscribers: Spanned<usize>,
    pub(crate) tag: Option<Spanned<String>>,
}
