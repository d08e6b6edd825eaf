//! The messages about groups and their methods; see the file above for their form.

use super::{Diag, Place, suggest};

// Groups.

/// A group that does not say what kind it is.
///
/// ui: group/kind_missing
pub(crate) fn kind_missing(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`#[group]` does not say what `{name}` is"))
        .help("write `#[group(state_machine, …)]`: the type is the replicated state, and its `#[methods]` are the commands and queries")
        .note("`#[group(collections, …)]` is a group that several collections share: its fields")
}

/// A group of two kinds.
///
/// ui: group/two_kinds
pub(crate) fn two_kinds(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` is the state of a state machine, or lists collections, but not both"))
        .help("write a second group for the other")
}

/// A group of collections that does not name them.
///
/// ui: group/collections_without_names
pub(crate) fn collections_without_names(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` does not name its collections"))
        .help(format!("write `pub struct {name} {{ pub bids: Bids, pub asks: Asks }}`"))
}

/// One collection twice in a group.
///
/// ui: group/collection_twice
pub(crate) fn collection_twice(at: Place, collection: &str, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` lists `{collection}` twice"))
        .help("declare another collection for the second one")
}

/// How a state is written, where there is none.
///
/// ui: group/collections_with_serde
pub(crate) fn not_of_collections(at: Place, word: &str) -> Diag {
    Diag::new(
        at,
        format!("`{word}` is about the state of a state machine, and a group of collections has none"),
    )
    .help(format!("leave `{word}` out"))
}

/// An older state that is no type.
///
/// ui: group/from_is_a_text
pub(crate) fn from_is_a_type(at: Place, given: &str) -> Diag {
    Diag::new(at, format!("`from` names the type that the state had before, and `{given}` is none")).help(
        "write `from = LedgerV1`, or `from = v1::Ledger`: the older `#[group]` type, with its `#[methods]`",
    )
}

/// A state that was itself before.
///
/// ui: group/from_itself
pub(crate) fn from_itself(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` does not become another type by being itself"))
        .help("keep the older type under another name, or in a module: `from = v1::Ledger`")
        .note("its methods stay too: what is in the log from before is applied by them")
}

/// A group that does not say who votes.
///
/// ui: group/voters_missing
pub(crate) fn voters_missing(at: Place, attribute: &str, name: &str) -> Diag {
    Diag::new(at, format!("`{attribute}` does not say how many nodes vote in `{name}`"))
        .help("write `voters = 3` to survive the loss of any one node, `voters = 5` for any two")
        .note("the group begins when so many have met; with a number that was guessed, two parts could each begin one")
}

/// Voters that are neither a number nor a list.
///
/// ui: group/voters_is_a_word
pub(crate) fn not_voters(at: Place, given: &str) -> Diag {
    Diag::new(at, format!("`voters` cannot be `{given}`")).help(
        "write `voters = 3`, `voters = founder`, or a list of peer ids: `voters = [\"…\", \"…\", \"…\"]`",
    )
}

/// No voters, or too many.
///
/// ui: group/voters_of_zero
pub(crate) fn voters_out_of_range(at: Place, word: &str, count: usize) -> Diag {
    let diag = Diag::new(at, format!("a group has 1 to 13 voters, and {count} is not among them"))
        .help(format!("write `{word} = 3` or `{word} = 5`"));
    match count {
        0 => diag.note("without voters nobody could say what is committed"),
        _ => diag
            .note("each command waits for more than half of them; other nodes can be members and not vote"),
    }
}

/// A round trip that needs no setting, or that no group stands.
///
/// ui: group/round_trip_too_short
pub(crate) fn round_trip_out_of_range(at: Place, given: u64) -> Diag {
    let diag = Diag::new(
        at,
        format!(
            "a group can be told to stand a round trip of 60 ms to 2 s, and {given} ms is not among them"
        ),
    );
    match given {
        0..60 => diag
            .help("leave `round_trip` out: every group stands 60 ms")
            .note("it is the longest way between two members, there and back; with more of it a lost leader is noticed later"),
        _ => diag
            .help("write `round_trip = \"2s\"`, and keep the members nearer to each other than that")
            .note("it is the longest way between two members, there and back; each command waits for about one of them"),
    }
}

/// A voter that is not a peer id.
///
/// ui: group/voters_not_ids
pub(crate) fn not_a_peer(at: Place) -> Diag {
    Diag::new(at, "a peer id is 64 hex digits in quotes").help(
        "each node says its own when it starts; `keygen` makes a key and says the id that belongs to it",
    )
}

/// One voter twice.
///
/// ui: group/voter_twice
pub(crate) fn voter_twice(at: Place) -> Diag {
    Diag::new(at, "this voter is listed twice").help("list each voter once")
}

/// A founder where several nodes found the group together.
///
/// ui: group/founder_beside_a_number
pub(crate) fn founder_beside_voters(at: Place) -> Diag {
    Diag::new(at, "`founder` names who founds the group, but here all voters do so together")
        .help("write `voters = founder`, or leave `founder` out")
}

/// A key in the source.
///
/// ui: group/key_in_source
pub(crate) fn key_in_source(at: Place) -> Diag {
    Diag::new(at, "the key of a group does not belong in the source")
        .help("write `key = env(\"BANK_KEY\")` or `key = file(\"bank.key\")`")
        .note("whoever could read the program could join the group")
}

/// A key from somewhere else.
///
/// ui: group/key_from_elsewhere
pub(crate) fn not_a_key(at: Place, given: &str) -> Diag {
    Diag::new(at, format!("`{given}` is not where a key can come from"))
        .help("write `key = env(\"BANK_KEY\")` or `key = file(\"bank.key\")`")
}

/// A generic state.
///
/// ui: group/generic_type
pub(crate) fn generic_group(at: Place, name: &str, parameter: &str) -> Diag {
    Diag::new(at, format!("a group's state must be concrete, but `{name}` has the parameter `{parameter}`"))
        .help("write one group per type, and share the code between them in a field")
}

/// State whose order differs between members.
///
/// ui: group/hash_map_in_state
pub(crate) fn unordered_state(at: Place, field: &str, given: &str, ordered: &str) -> Diag {
    Diag::new(at, format!("`{field}` is a `{given}`, which has another order on every member"))
        .help(format!("use `{ordered}`"))
        .note("a snapshot comes from several members at once, in equal pieces; to keep it, put `#[allow_nondeterminism]` on the field")
}

/// `#[stream]` and `#[group]` on one type.
///
/// ui: group/stream_beside_group
pub(crate) fn stream_and_group(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` cannot be the state of a group and travel on a stream"))
        .help("use two types, and make one from the other")
}

// Methods.

/// The attribute on something that is not an impl block.
///
/// ui: methods/on_a_struct
pub(crate) fn not_an_impl(at: Place, what: &str) -> Diag {
    let diag = Diag::new(at, format!("`#[methods]` goes on the impl block of a group, not on {what}"));
    match what {
        "a struct" | "an enum" => diag.help("on the type itself, use `#[group]`"),
        _ => diag,
    }
}

/// The attribute on the impl of a trait.
///
/// ui: methods/on_a_trait_impl
pub(crate) fn methods_of_a_trait(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`#[methods]` goes on `impl {name}`, not on the impl of a trait"))
        .help(format!("move what should be a command or a query into `impl {name}`"))
}

/// A receiver that says neither command nor query.
///
/// ui: methods/by_value_receiver
pub(crate) fn self_by_value(at: Place, method: &str, given: &str) -> Diag {
    Diag::new(at, format!("`{method}` takes `{given}`, which is neither a command nor a query"))
        .help("`&mut self` to change the state on every member, `&self` to read it")
}

/// An async command or query.
///
/// ui: methods/async_command
pub(crate) fn async_method(at: Place, method: &str, is_command: bool) -> Diag {
    if is_command {
        Diag::new(at, format!("`{method}` changes replicated state, so it cannot wait: remove `async`"))
            .help(format!("wait in the node, then pass what you learned to `{method}`"))
            .note("every member runs commands to the end, one after another, in the same order")
    } else {
        Diag::new(at, format!("`{method}` reads replicated state, so it cannot wait: remove `async`"))
            .note("commands wait while a query runs; callers of the group still write `.await`")
    }
}

/// A generic method.
///
/// ui: methods/generic_method
pub(crate) fn generic_method(at: Place, method: &str, parameter: &str) -> Diag {
    Diag::new(at, format!("`{method}` must be concrete, but it has the parameter `{parameter}`"))
        .help("name the type; for a helper that is no command, remove `pub` or add `#[skip]`")
        .note("a command travels under its name, and every member must know its arguments")
}

/// A parameter without a name.
///
/// ui: methods/pattern_parameter
pub(crate) fn pattern_parameter(at: Place, name: &str, ty: &str) -> Diag {
    Diag::new(at, "give this parameter a name: names go into the schema")
        .help(format!("`{name}: {ty}`, and take it apart in the body"))
}

/// An argument that the caller would have to watch change.
///
/// ui: methods/mutable_argument
pub(crate) fn mutable_argument(at: Place, parameter: &str, owned: &str) -> Diag {
    Diag::new(at, format!("`{parameter}` is changed in place, and the caller is on another node"))
        .help(format!("take `{parameter}: {owned}`, and return what the caller should know"))
}

/// A reference that has no owned form to travel as.
///
/// ui: methods/borrowed_argument
pub(crate) fn borrowed_argument(at: Place, parameter: &str, help: &str) -> Diag {
    Diag::new(at, format!("`{parameter}` borrows in a way that cannot travel"))
        .help(help)
        .note("`&str`, `&[T]` and `&T` travel as `String`, `Vec<T>` and `T`")
}

/// A result that borrows.
///
/// ui: methods/reference_result
pub(crate) fn borrowed_result(at: Place, method: &str, given: &str, help: &str) -> Diag {
    Diag::new(at, format!("`{method}` returns `{given}`, and what is returned must be owned"))
        .help(help)
        .note("the caller holds the group, and not the state: it changes while the caller looks")
}

/// A method named like something that every group has.
///
/// ui: methods/reserved_name
pub(crate) fn reserved_name(at: Place, method: &str, reserved: &[&str]) -> Diag {
    Diag::new(at, format!("every group has a `{method}` of its own, which would hide this one"))
        .help("give it another name")
        .note(format!("taken are {}", suggest::list(reserved)))
}

/// A query that asks for the context of a command.
///
/// ui: methods/context_in_a_query
pub(crate) fn context_in_a_query(at: Place, method: &str) -> Diag {
    Diag::new(at, format!("`{method}` is a query, and only commands have an `Apply`"))
        .help("let a command keep in the state what the query needs, or pass it as an argument")
}

/// A clock inside a command.
///
/// ui: methods/reads_the_clock
pub(crate) fn reads_the_clock(at: Place, method: &str) -> Diag {
    Diag::new(at, format!("`{method}` reads the clock, and every member would read a different one"))
        .help("add the parameter `cx: &Apply` and use `cx.now()`, or pass the time as an argument")
        .note(format!("to keep it, put `#[allow_nondeterminism]` on `{method}`"))
}

/// A die inside a command.
///
/// ui: methods/random_number
pub(crate) fn rolls_dice(at: Place, method: &str) -> Diag {
    Diag::new(at, format!("`{method}` asks for randomness, and every member would get another answer"))
        .help("draw the number in the node, and pass it as an argument")
        .note(format!("to keep it, put `#[allow_nondeterminism]` on `{method}`"))
}

/// A hash map inside a command.
///
/// ui: methods/iterates_a_hash_map
pub(crate) fn unordered_command(at: Place, method: &str, given: &str, ordered: &str) -> Diag {
    Diag::new(at, format!("`{method}` uses a `{given}`, which has another order on every member"))
        .help(format!("use `{ordered}`"))
        .note(format!("to keep it, put `#[allow_nondeterminism]` on `{method}`"))
}

/// The outside world inside a command.
///
/// ui: methods/reads_a_file
pub(crate) fn looks_outside(at: Place, method: &str, given: &str) -> Diag {
    Diag::new(at, format!("`{method}` uses `{given}`, and every member would find something else there"))
        .help(format!("do it in the node, and pass what you learned to `{method}`"))
        .note(format!("to keep it, put `#[allow_nondeterminism]` on `{method}`"))
}
