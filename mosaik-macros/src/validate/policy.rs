//! What a policy must be.

use super::is_plain;
use crate::{
    diag::{Diags, catalog},
    model::{Place, Policy, Spanned, shown},
};

/// Checks a policy and what it is made of.
pub(super) fn check(policy: &Policy, diags: &mut Diags) {
    match policy {
        Policy::Tag(text) => tag(text, diags),
        Policy::Proof(path) => diags.push(catalog::unknown_policy(Place::of(path), &shown(path))),
        Policy::Both(a, b) | Policy::Either(a, b) => {
            check(a, diags);
            check(b, diags);
        }
        Policy::Not(inner) => check(inner, diags),
        Policy::RttBelow(_) | Policy::Peer(_) => {}
    }
}

/// Checks a tag.
pub(super) fn tag(text: &Spanned<String>, diags: &mut Diags) {
    if !is_plain(&text.value) {
        diags.push(catalog::not_a_tag(text.place, &text.value));
    }
}
