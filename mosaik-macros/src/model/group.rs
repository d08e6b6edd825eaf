//! A declared group.

use super::{Body, Data, Field, Intent, Place, Policy, Spanned};

/// What `#[group]` declares.
pub(crate) struct Group {
    pub(crate) intent: Intent,
    /// The replicated state.
    pub(crate) data: Data,
    /// Whether `state_machine` stands there.
    pub(crate) state_machine: bool,
    /// Where `collections` stands.
    pub(crate) collections: Option<Place>,
    /// The first committee; `None` when the option is missing or could not be read.
    pub(crate) voters: Option<Voters>,
    /// Whether `voters` stands there at all.
    pub(crate) has_voters: bool,
    /// The variant of `Storage`.
    pub(crate) storage: Option<&'static str>,
    pub(crate) key: Option<Key>,
    /// In milliseconds.
    pub(crate) deadline: Option<u64>,
    /// In milliseconds.
    pub(crate) evict_after: Option<u64>,
    /// In milliseconds.
    pub(crate) round_trip: Option<Spanned<u64>>,
    pub(crate) strict: bool,
    pub(crate) committee: Option<Spanned<usize>>,
    pub(crate) founder: Option<Spanned<[u8; 32]>>,
    /// The type that the state had before.
    pub(crate) from: Option<syn::Type>,
    pub(crate) members: Option<Policy>,
    /// Who may read, of a group of collections.
    pub(crate) readers: Option<Policy>,
    /// For each field, whether `#[allow_nondeterminism]` stands on it or on the type.
    pub(crate) allowed: Vec<bool>,
}

impl Group {
    /// The fields of a struct whose fields have names.
    pub(crate) fn named(&self) -> Option<&[Field]> {
        match (&self.data.item.data, &self.data.body) {
            (syn::Data::Struct(data), Body::Struct(fields))
                if matches!(data.fields, syn::Fields::Named(_)) =>
            {
                Some(fields)
            }
            _ => None,
        }
    }
}

/// The first committee.
pub(crate) enum Voters {
    /// `voters = 3`
    Count(Spanned<usize>),
    /// `voters = founder`
    Founder,
    /// `voters = ["…"]`, with the place of the list
    List(Vec<Spanned<[u8; 32]>>, Place),
}

/// Where the key comes from.
pub(crate) enum Key {
    /// `env("…")`
    Env(String),
    /// `file("…")`
    File(String),
}
