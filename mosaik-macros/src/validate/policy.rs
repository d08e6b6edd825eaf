//! What a policy must be.

use syn::Path;

use super::is_plain;
use crate::{
    diag::{Diags, catalog},
    model::{Place, Policy, Spanned, shown},
};

/// Checks a policy and what it is made of.
pub(super) fn check(policy: &Policy, diags: &mut Diags) {
    match policy {
        Policy::Tag(text) => tag(text, diags),
        Policy::Both(a, b) | Policy::Either(a, b) => {
            check(a, diags);
            check(b, diags);
        }
        Policy::Not(inner) => {
            if let Some(proof) = proof_in(inner) {
                diags.push(catalog::negated_proof(Place::of(proof), &shown(proof)));
            }
            check(inner, diags);
        }
        Policy::Proof(_) | Policy::RttBelow(_) | Policy::Peer(_) => {}
    }
}

/// A proof in a policy, outside of a further `!`, which is looked at by itself.
fn proof_in(policy: &Policy) -> Option<&Path> {
    match policy {
        Policy::Proof(path) => Some(path),
        Policy::Both(a, b) | Policy::Either(a, b) => proof_in(a).or_else(|| proof_in(b)),
        Policy::Not(_) | Policy::Tag(_) | Policy::RttBelow(_) | Policy::Peer(_) => None,
    }
}

/// Checks a tag.
pub(super) fn tag(text: &Spanned<String>, diags: &mut Diags) {
    if !is_plain(&text.value) {
        diags.push(catalog::not_a_tag(text.place, &text.value));
    }
}
