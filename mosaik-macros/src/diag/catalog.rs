//! Every message of the attributes, in the order of `docs/errors.md`; those of groups follow in `catalog/groups.rs`.
//!
//! The line `ui:` of each entry names its file in `ui-tests/fail/`. The first line of a message says what is wrong, in
//! lower case and with the user's own names; `help` is what to type; `note` is why, where that is not obvious.

#[cfg(test)]
pub(crate) mod bounds;
mod collections;
mod groups;
mod proofs;

use super::{Diag, suggest};
use crate::model::Place;

pub(crate) use collections::*;
pub(crate) use groups::*;
pub(crate) use proofs::*;

// Arguments.

/// An option that the attribute does not have.
///
/// ui: stream/unknown_option
pub(crate) fn unknown_option(at: Place, attribute: &str, word: &str, options: &[&str]) -> Diag {
    let diag = Diag::new(at, format!("`{attribute}` has no option `{word}`"));
    let options_are = match options {
        [] => "it has none".to_owned(),
        [only] => format!("its only option is `{only}`"),
        _ => format!("options are {}", suggest::list(options)),
    };
    match suggest::closest(word, options) {
        Some(meant) => diag.help(format!("did you mean `{meant}`?")).note(options_are),
        None => diag.note(options_are),
    }
}

/// The same option twice.
///
/// ui: stream/option_twice
pub(crate) fn option_twice(at: Place, first: Place, word: &str) -> Diag {
    Diag::new(at, format!("`{word}` is given twice")).also(first, format!("`{word}` is first given here"))
}

/// An option without its value.
///
/// ui: stream/option_without_value
pub(crate) fn option_without_value(at: Place, word: &str, form: &str) -> Diag {
    Diag::new(at, format!("`{word}` needs a value")).help(format!("write `{form}`"))
}

/// Two options with no comma between them.
///
/// ui: stream/comma_missing
pub(crate) fn comma_missing(at: Place, next: &str) -> Diag {
    Diag::new(at, format!("a comma is missing before `{next}`"))
}

/// A value for a word that stands alone.
///
/// ui: group/strict_with_a_value
pub(crate) fn flag_with_value(at: Place, word: &str) -> Diag {
    Diag::new(at, format!("`{word}` takes no value")).help(format!("write `{word}`, or leave it out"))
}

/// Something that is not an option at all.
///
/// ui: data/not_an_option
pub(crate) fn not_an_option(at: Place, attribute: &str, text: &str, options: &[&str]) -> Diag {
    let diag = Diag::new(at, format!("`{text}` is not an option of `{attribute}`"));
    match options {
        [] => diag.note("it has none"),
        _ => diag.note(format!("an option begins with its name: {}", suggest::either(options))),
    }
}

/// A number that is not one.
///
/// ui: stream/buffer_is_text
pub(crate) fn number_expected(at: Place, word: &str, form: &str) -> Diag {
    Diag::new(at, format!("`{word}` takes a whole number")).help(format!("write `{form}`"))
}

/// A text without its quotes.
///
/// ui: stream/schema_without_quotes
pub(crate) fn text_expected(at: Place, word: &str, form: &str) -> Diag {
    Diag::new(at, format!("`{word}` takes a text in quotes")).help(format!("write `{form}`"))
}

/// A word that is not among the choices.
///
/// ui: stream/unknown_overflow
pub(crate) fn unknown_choice(at: Place, word: &str, given: &str, choices: &[&str]) -> Diag {
    let diag = Diag::new(at, format!("`{word}` cannot be `{given}`"));
    match suggest::closest(given.trim_matches('"'), choices) {
        Some(meant) => diag
            .help(format!("did you mean `{word} = {meant}`?"))
            .note(format!("`{word}` is {}", suggest::either(choices))),
        None => diag.help(format!("`{word}` is {}", suggest::either(choices))),
    }
}

// Intents and ids.

/// An intent that is a sentence.
///
/// ui: stream/intent_with_spaces
pub(crate) fn not_an_intent(at: Place, given: &str, suggestion: &str) -> Diag {
    Diag::new(at, format!("`{given}` is not an intent: use lower-case words joined by dots"))
        .help(format!("write \"{suggestion}\""))
        .note("nodes that write the same intent find each other by it, so spelling is strict")
}

/// An intent that looks like an id.
///
/// ui: stream/intent_is_an_id
pub(crate) fn intent_is_an_id(at: Place) -> Diag {
    Diag::new(at, "this intent looks like an id").help("write `id = hex(\"…\")`, with the same 64 digits")
}

/// An intent that is too long.
///
/// ui: stream/intent_too_long
pub(crate) fn intent_too_long(at: Place, length: usize, limit: usize) -> Diag {
    Diag::new(at, format!("this intent is {length} bytes long, and the limit is {limit}"))
        .help("name what it is, and put details in the doc comment")
}

/// An intent behind the options.
///
/// ui: stream/intent_not_first
pub(crate) fn intent_not_first(at: Place, attribute: &str, given: &str) -> Diag {
    Diag::new(at, "the intent stands first, before the options")
        .help(format!("write `{}(\"{given}\", …)]`", attribute.trim_end_matches(']')))
}

/// A type whose name gives no intent.
///
/// ui: stream/no_default_intent
pub(crate) fn no_default_intent(at: Place, attribute: &str, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` gives no intent, because intents are ASCII"))
        .help(format!("write one: `{}(\"some.intent\")]`", attribute.trim_end_matches(']')))
}

/// An id that is not 64 hex digits.
///
/// ui: stream/id_too_short
pub(crate) fn not_an_id(at: Place) -> Diag {
    Diag::new(at, "an id is 64 hex digits")
        .help("write `id = hex(\"…\")`, or give an intent and leave `id` out")
}

/// A schema label with spaces in it.
///
/// ui: data/schema_with_spaces
pub(crate) fn not_a_label(at: Place, given: &str) -> Diag {
    Diag::new(at, format!("`{given}` is not a schema label: use 1 to 64 characters without spaces"))
        .help("write `schema = \"v1\"`, and `\"v2\"` when the meaning of a field changes")
}

// Items that travel.

/// The attribute on something that is not a type.
///
/// ui: stream/on_a_function
pub(crate) fn not_a_type(at: Place, attribute: &str, what: &str) -> Diag {
    let diag = Diag::new(at, format!("`{attribute}` goes on the struct or enum that travels, not on {what}"));
    match what {
        "a function" => diag.help("for a program that sends or receives, use `#[mosaik::node]`"),
        "a union" => diag.help("use an enum: it says which of its fields is there"),
        _ => diag,
    }
}

/// A generic stream type.
///
/// ui: stream/generic_type
pub(crate) fn generic_stream(at: Place, name: &str, parameter: &str, intent: &str) -> Diag {
    Diag::new(at, format!("a stream's type must be concrete, but `{name}` has the parameter `{parameter}`"))
        .help(format!(
            "name one stream per type: `#[stream(\"{intent}-f32\")] struct {name}F32({name}<f32>);`"
        ))
        .note(format!("`{name}<u8>` and `{name}<f32>` would share one id and not understand each other"))
}

/// A borrowed field.
///
/// ui: stream/borrowed_field
pub(crate) fn borrowed_field(at: Place, field: &str, owned: &str) -> Diag {
    Diag::new(at, format!("what travels must be owned, but `{field}` borrows")).help(format!("use {owned}"))
}

/// A type with a lifetime.
///
/// ui: data/lifetime
pub(crate) fn lifetime(at: Place, name: &str, lifetime: &str) -> Diag {
    Diag::new(at, format!("what travels must be owned, but `{name}` borrows for `{lifetime}`"))
        .help("use owned fields: `String`, `Vec<T>`, or `Bytes` to share without copying")
}

/// A field that could hold anything.
///
/// ui: data/trait_object_field
pub(crate) fn trait_object_field(at: Place, field: &str, ty: &str) -> Diag {
    Diag::new(at, format!("what travels must be concrete, but `{field}` holds a `{ty}`"))
        .help("use an enum of the types that it can be")
}

/// A field that points into this process.
///
/// ui: data/pointer_field
pub(crate) fn pointer_field(at: Place, field: &str) -> Diag {
    Diag::new(at, format!("`{field}` points into this process, and means nothing on another node"))
        .help("send the value itself")
}

/// An enum without variants.
///
/// ui: data/empty_enum
pub(crate) fn empty_enum(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` has no variants, so there is nothing that could travel"))
        .help("add a variant, or use a unit struct for an item that says nothing but \"now\"")
}

/// A serde derive below the attribute.
///
/// ui: stream/serde_derived_twice
pub(crate) fn serde_derived_twice(at: Place, attribute: &str, names: &[&str]) -> Diag {
    let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    Diag::new(at, format!("`{attribute}` already derives {names}"))
        .help(format!("remove {names} here, or write `serde = own` in `{attribute}`"))
}

/// A serde attribute under which the two sides read different bytes.
///
/// ui: stream/serde_flatten
pub(crate) fn serde_changes_the_wire(at: Place, key: &str) -> Diag {
    let help = match key {
        "flatten" => "give the inner struct a field of its own",
        "untagged" | "tag" | "content" => "leave it out: the variant travels as a number anyway",
        "skip" => "leave it out, or put it on the fields that should stay at home",
        _ => "send an `Option`, or `#[serde(skip)]` for a field that stays at home",
    };
    Diag::new(at, format!("`{key}` works only in formats that write field names, and ours does not"))
        .help(help)
        .note("the reader would take the next bytes for this field, and nobody would notice")
}

/// A serde path that the attribute sets itself.
///
/// ui: data/serde_crate
pub(crate) fn serde_crate(at: Place, attribute: &str) -> Diag {
    Diag::new(at, format!("`{attribute}` already says where serde is")).help("remove `crate = ..`")
}

/// The attribute twice on one type.
///
/// ui: stream/stream_twice
pub(crate) fn attribute_twice(at: Place, attribute: &str, name: &str) -> Diag {
    let diag = Diag::new(at, format!("`{name}` has `{attribute}` twice")).help("remove one of them");
    match attribute {
        "#[stream]" => {
            diag.note("for one type on several streams: `network.streams().producer().named(\"intent\")`")
        }
        _ => diag,
    }
}

/// `#[stream]` or `#[group]` and `#[mosaik::data]` on one type.
///
/// ui: stream/data_beside_stream
pub(crate) fn data_beside(at: Place, attribute: &str, name: &str) -> Diag {
    Diag::new(at, format!("`{attribute}` alone makes `{name}` able to travel"))
        .help("remove `#[mosaik::data]`")
}

/// `#[mosaik(..)]` on something that is not a field.
///
/// ui: data/field_option_on_the_type
pub(crate) fn not_on_a_field(at: Place) -> Diag {
    Diag::new(at, "`#[mosaik(..)]` goes on a field")
        .help("to label the whole type, write `schema = \"v1\"` in the attribute above it")
}

// Options of a stream.

/// Zero where at least one is needed.
///
/// ui: stream/buffer_of_zero
pub(crate) fn zero(at: Place, word: &str) -> Diag {
    let why = match word {
        "buffer" => "a subscription without room could hold no item",
        "max_consumers" => "with none, nobody could receive what is sent",
        _ => "zero subscribers are always there: leave `online_when` out",
    };
    Diag::new(at, format!("`{word}` must be at least 1")).note(why)
}

/// More to replay than is kept.
///
/// ui: stream/replay_over_buffer
pub(crate) fn replay_over_buffer(at: Place, replay: usize, buffer: usize) -> Diag {
    Diag::new(at, format!("{replay} items cannot be replayed from a buffer of {buffer}"))
        .help(format!("write `buffer = {replay}`, or a smaller `replay`"))
}

/// A condition for being online that is not one.
///
/// ui: stream/online_when_is_a_number
pub(crate) fn not_a_condition(at: Place) -> Diag {
    Diag::new(at, "`online_when` says which subscribers must be there")
        .help("write `online_when = subscribed(2)` or `online_when = subscribed(1, tag(\"display\"))`")
}

/// A producer that could never be online.
///
/// ui: stream/never_online
pub(crate) fn never_online(at: Place, needed: usize, allowed: usize) -> Diag {
    Diag::new(
        at,
        format!("a producer that waits for {needed} subscribers and admits {allowed} is never online"),
    )
    .help(format!("write `max_consumers = {needed}`, or wait for fewer"))
}

/// Old types that are not in a list.
///
/// ui: stream/accepts_one_type
pub(crate) fn accepts_is_a_list(at: Place, given: &str) -> Diag {
    Diag::new(at, "`accepts` takes a list of types, newest first")
        .help(format!("write `accepts = [{given}]`"))
}

/// A type that accepts itself.
///
/// ui: stream/accepts_itself
pub(crate) fn accepts_itself(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` always accepts itself"))
        .help("list only the older types that are still in use, such as `accepts = [OrderV1]`")
}

// Policies.

/// Requirements about nobody.
///
/// ui: stream/require_nobody
pub(crate) fn require_nobody(at: Place, sides: &[&str]) -> Diag {
    let name = if sides.len() > 1 { "name one side or both:" } else { "write" };
    Diag::new(at, "`require` does not say of whom").help(format!("{name} {}", either_form(sides)))
}

fn either_form(sides: &[&str]) -> String {
    let forms: Vec<_> = sides.iter().map(|side| format!("`require({side} = tag(\"x\"))`")).collect();
    forms.join(", ")
}

/// A word that is not a policy.
///
/// ui: stream/unknown_policy
pub(crate) fn unknown_policy(at: Place, given: &str) -> Diag {
    let diag = Diag::new(at, format!("`{given}` is not a policy"));
    let word = given.split('(').next().unwrap_or(given);
    let diag = match suggest::closest(word, &["tag", "rtt_below", "peer"]) {
        Some(meant) => diag.help(format!("did you mean `{meant}(..)`?")),
        None => diag,
    };
    diag.note("policies are `tag(\"x\")`, `rtt_below(\"20ms\")`, `peer(|p| ..)` and types with `#[proof]`, combined with `&`, `|`, `!`")
}

/// `&&` where `&` is meant.
///
/// ui: stream/policy_with_two_ampersands
pub(crate) fn doubled_operator(at: Place, once: &str) -> Diag {
    Diag::new(at, format!("policies are combined with a single `{once}`"))
}

/// A tag that cannot be one.
///
/// ui: node/tag_with_spaces
pub(crate) fn not_a_tag(at: Place, given: &str) -> Diag {
    let diag = Diag::new(at, format!("`{given}` is not a tag: use 1 to 64 bytes of text without spaces"));
    let joined = given.split_whitespace().collect::<Vec<_>>().join("-");
    if joined.is_empty() || joined.len() > 64 { diag } else { diag.help(format!("write \"{joined}\"")) }
}

/// A duration without a unit.
///
/// ui: stream/duration_without_unit
pub(crate) fn not_a_duration(at: Place, given: &str) -> Diag {
    let number: String = given.chars().take_while(char::is_ascii_digit).collect();
    let number = if number.trim_matches('0').is_empty() { "20" } else { &number };
    Diag::new(at, format!("`{given}` is not a duration: use a whole number above 0 and a unit, `ms` or `s`"))
        .help(format!("write \"{number}ms\""))
}

/// A condition on a peer that is not a function.
///
/// ui: stream/peer_without_a_function
pub(crate) fn not_a_peer_function(at: Place) -> Diag {
    Diag::new(at, "`peer` takes one function that says yes or no to a peer")
        .help("write `peer(|p| p.rtt.is_some())`, or the name of a `fn(&PeerView) -> bool`")
}

// Nodes.

/// The attribute on something that is not a function.
///
/// ui: node/on_a_struct
pub(crate) fn not_a_function(at: Place, what: &str) -> Diag {
    let diag = Diag::new(at, format!("`#[mosaik::node]` goes on an `async fn`, not on {what}"));
    match what {
        "a struct" | "an enum" => diag.help("for a type that travels, use `#[stream]`"),
        _ => diag,
    }
}

/// A node that is not async, or returns nothing.
///
/// ui: node/not_async
pub(crate) fn not_a_node(at: Place, written_right: &str) -> Diag {
    Diag::new(
        at,
        "a node runs until it is told to stop, so it is an `async fn` that returns `mosaik::Result`",
    )
    .help(format!("`{written_right}`"))
}

/// A node that returns something else.
///
/// ui: node/returns_a_number
pub(crate) fn not_a_result(at: Place, name: &str, given: &str) -> Diag {
    Diag::new(at, format!("a node returns `mosaik::Result`, but `{name}` returns `{given}`"))
        .help("return `Ok(())` when the node is done, and pass errors up with `?`")
}

/// A generic node.
///
/// ui: node/generic
pub(crate) fn generic_node(at: Place, name: &str, parameter: &str) -> Diag {
    Diag::new(at, format!("a node must be concrete, but `{name}` has the parameter `{parameter}`"))
        .help("write one node per type, and share a generic function between them")
        .note("the wiring of a program is known before it runs")
}

/// A method as a node.
///
/// ui: node/method
pub(crate) fn method_as_node(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("a node has no `self`: nobody could make one for `{name}`"))
        .help("use a free function, and build what it needs inside")
}

/// A borrowed role.
///
/// ui: node/borrowed_parameter
pub(crate) fn borrowed_parameter(at: Place, pattern: &str, owned: &str) -> Diag {
    Diag::new(at, "a node owns its roles, so they are not borrowed").help(format!(
        "`{}: {owned}`",
        if pattern.starts_with("mut ") { pattern.to_owned() } else { format!("mut {pattern}") }
    ))
}

/// `impl Trait` as a parameter.
///
/// ui: node/impl_trait_parameter
pub(crate) fn impl_trait_parameter(at: Place) -> Diag {
    Diag::new(at, "a node's parameters are concrete types: from them mosaik knows what to wire")
        .help("write `Producer<T>` or `Consumer<T>`")
}

/// A container where a role is meant.
///
/// ui: node/parameter_is_a_vec
pub(crate) fn container_parameter(at: Place, ty: &str, inner: &str, is_role: bool) -> Diag {
    let diag = Diag::new(at, format!("a node cannot be given a `{ty}`"));
    match is_role {
        true => diag.help(format!("write `{inner}`: a node has exactly the roles that it names")),
        false => diag
            .help(format!("to receive, write `Consumer<{inner}>`; to send, `Producer<{inner}>`"))
            .note("a node's parameters are its roles"),
    }
}

/// A tag without its quotes.
///
/// ui: node/tags_without_quotes
pub(crate) fn tags_without_quotes(at: Place, help: &str) -> Diag {
    Diag::new(at, "tags are texts in quotes").help(format!("write `tags = {help}`"))
}

/// A name that cannot be a directory.
///
/// ui: node/name_with_a_slash
pub(crate) fn not_a_name(at: Place, word: &str, given: &str) -> Diag {
    Diag::new(at, format!("`{given}` cannot be the {word} of a node: use letters, digits, `-`, `_` and `.`"))
        .note("files are kept under this name, and it is typed on command lines")
}
