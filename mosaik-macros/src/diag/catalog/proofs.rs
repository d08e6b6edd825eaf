//! Messages about proofs.

use super::{Diag, Place, suggest};

// Proofs.

/// A proof that is no plain name.
///
/// ui: proof/on_an_enum
pub(crate) fn not_a_proof(at: Place, what: &str) -> Diag {
    Diag::new(at, format!("`#[proof]` goes on a struct without fields, not on {what}"))
        .help("a proof is a name: `#[proof(jwt, keys = file(\"desk.jwks\"))] pub struct DeskTicket;`")
}

/// A proof that says nothing.
///
/// ui: proof/no_kind
pub(crate) fn no_kind_of_proof(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`#[proof]` does not say what proves `{name}`")).help(
        "write `jwt`, `tdx` or the type of a validator first: `#[proof(jwt, keys = file(\"desk.jwks\"))]`",
    )
}

/// A kind of proof that there is not.
///
/// ui: proof/unknown_kind
pub(crate) fn unknown_kind_of_proof(at: Place, given: &str) -> Diag {
    let diag = Diag::new(at, format!("`{given}` is not a kind of proof"));
    let diag = match suggest::closest(given, &["jwt", "tdx"]) {
        Some(meant) => diag.help(format!("did you mean `{meant}`?")),
        None => diag,
    };
    diag.note("a proof begins with `jwt`, `tdx`, or the type of a validator such as `BadgeOffice`")
}

/// A proof without the file that it takes.
///
/// ui: proof/jwt_without_keys
pub(crate) fn proof_without_file(at: Place, kind: &str, form: &str) -> Diag {
    Diag::new(at, format!("`{kind}` does not say what to check against")).help(format!("add `{form}`")).note(
        "it is the verifier's file, read when the program starts: what is trusted is no part of the program",
    )
}

/// A key in the source instead of in a file.
///
/// ui: proof/keys_in_the_source
pub(crate) fn not_a_file(at: Place, name: &str, form: &str) -> Diag {
    Diag::new(at, format!("`{name}` is a file")).help(format!("write `{form}`"))
}

/// A long duration without a unit.
///
/// ui: proof/max_age_without_unit
pub(crate) fn not_a_long_duration(at: Place, given: &str) -> Diag {
    Diag::new(at, format!("`{given}` is not a duration: use a whole number above 0 and `s`, `m`, `h` or `d`"))
        .help("write \"24h\"")
}

/// A measurement of another length, or none.
///
/// ui: proof/short_measurement
pub(crate) fn not_a_measurement(at: Place, digits: usize) -> Diag {
    let diag = Diag::new(at, "a measurement is `hex(\"…\")` with 96 hex digits".to_owned());
    let diag = diag.help("copy all of what `mosaik tdx measure` wrote behind `mrtd = `");
    if digits > 0 { diag.note(format!("this has {digits} characters")) } else { diag }
}

/// `!` on a proof.
///
/// ui: proof/not_on_a_proof
pub(crate) fn negated_proof(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`!` on the proof `{name}` would let in whoever does not show it"))
        .help("leave it out, or ask for a tag that says what the others are")
        .note("that somebody shows no ticket proves nothing about them")
}

/// What a node proves, as a text.
///
/// ui: proof/proves_a_text
pub(crate) fn not_proofs(at: Place, given: &str) -> Diag {
    Diag::new(at, format!("`{given}` is not a proof's type"))
        .help("write `proves = DeskTicket`, or `proves = [DeskTicket, MatcherImage]`")
}

/// A proof that is listed twice.
///
/// ui: proof/proves_twice
pub(crate) fn proven_twice(at: Place, name: &str) -> Diag {
    Diag::new(at, format!("`{name}` is in the list twice")).help("leave one out")
}
