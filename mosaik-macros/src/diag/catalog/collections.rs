//! The messages about collections; see the file above for their form.

use super::{Diag, Place, suggest};

// Collections.

/// The attribute on something that is not a struct.
///
/// ui: collection/on_an_enum
pub(crate) fn not_a_collection(at: Place, what: &str) -> Diag {
    Diag::new(at, format!("`#[collection]` goes on a struct around one container, not on {what}"))
        .help("write `pub struct Prices(collections::Map<String, u64>);`")
}

/// A collection with several fields.
///
/// ui: collection/two_fields
pub(crate) fn collection_of_many(at: Place, name: &str, count: usize) -> Diag {
    let count = if count == 2 { "two".to_owned() } else { count.to_string() };
    Diag::new(at, format!("a collection is one container, but `{name}` has {count} fields"))
        .help("make a second collection for the rest")
}

/// A collection with named fields.
///
/// ui: collection/named_field
pub(crate) fn collection_with_names(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("a collection is one container, and `{name}` needs no name for it"))
        .help(format!("write `pub struct {name}(collections::Map<String, u64>);`"))
}

/// A collection of nothing.
///
/// ui: collection/without_container
pub(crate) fn collection_without_container(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` does not say what it is a collection of"))
        .help(format!("write `pub struct {name}(collections::Map<String, u64>);`"))
}

/// A container that is not ours.
///
/// ui: collection/std_container
pub(crate) fn not_a_container(
    at: Place,
    given: &str,
    instead: Option<&str>,
    arguments: &str,
    containers: &[&str],
) -> Diag {
    let diag = Diag::new(at, format!("`{given}` is not replicated"));
    let diag = match instead {
        Some(instead) => diag.help(format!("use `collections::{instead}{arguments}`")),
        None => diag,
    };
    diag.note(format!("the containers of `collections` are {}", suggest::list(containers)))
}

/// A rule for readers, and none for writers.
///
/// ui: collection/readers_without_writers
pub(crate) fn readers_alone(at: Place) -> Diag {
    Diag::new(at, "`readers` without `writers` leaves writing to everybody, and with it reading")
        .help("say who may write as well: `require(writers = .., readers = ..)`")
        .note("who may write a collection has a copy of all of it")
}

/// A generic collection.
///
/// ui: collection/generic_type
pub(crate) fn generic_collection(at: Place, name: &str, parameter: &str) -> Diag {
    Diag::new(at, format!("a collection must be concrete, but `{name}` has the parameter `{parameter}`"))
        .help("write one collection per type")
}

/// What the group says, said by one of its collections.
///
/// ui: collection/voters_beside_group
pub(crate) fn said_by_the_group(at: Place, word: &str, group: &str) -> Diag {
    Diag::new(at, format!("`{word}` is said once for all collections of a group, by the group"))
        .help(format!("move it to `#[group(collections, …)]` on `{group}`"))
}

/// A group that is no type.
///
/// ui: collection/group_is_a_text
pub(crate) fn not_a_shared_group(at: Place, given: &str) -> Diag {
    Diag::new(at, format!("`group` names the type that is the group, and `{given}` is none"))
        .help("write `group = Exchange`, and `#[group(collections, \"exchange\", voters = 3)]` on `Exchange`")
}
