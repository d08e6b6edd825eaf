//! Policies as constants.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Expr, spanned::Spanned};

use super::paths::Paths;
use crate::model::{Policy, shown};

/// The `Rule` of one side; everybody when the user says nothing.
pub(super) fn rule(policy: Option<&Policy>, paths: &Paths) -> TokenStream {
    match policy {
        Some(policy) => tree(policy, paths),
        None => {
            let rule = paths.rule();
            quote!(#rule::Anyone)
        }
    }
}

/// The type of what every way to meet the policy proves: `(A, B)` for `A & B`.
pub(super) fn proof(policy: Option<&Policy>, paths: &Paths) -> TokenStream {
    let anyone = paths.anyone();
    match policy {
        Some(policy) => needed(policy).unwrap_or(anyone),
        None => anyone,
    }
}

fn needed(policy: &Policy) -> Option<TokenStream> {
    match policy {
        Policy::Proof(path) => Some(quote!(#path)),
        Policy::Both(a, b) => match (needed(a), needed(b)) {
            (Some(a), Some(b)) => Some(quote!((#a, #b))),
            (a, b) => a.or(b),
        },
        _ => None,
    }
}

fn tree(policy: &Policy, paths: &Paths) -> TokenStream {
    let rule = paths.rule();
    let inner = |policy: &Policy| tree(policy, paths);
    match policy {
        Policy::Tag(tag) => {
            let tag = &tag.value;
            quote!(#rule::Tag(#tag))
        }
        Policy::RttBelow(milliseconds) => quote!(#rule::RttBelow(#milliseconds)),
        Policy::Peer(function) => {
            let text = peer_text(function);
            quote!(#rule::Peer(#text, #function))
        }
        Policy::Proof(path) => {
            let proof = paths.proof();
            quote_spanned!(path.span()=> <#path as #proof>::RULE)
        }
        Policy::Both(a, b) => {
            let (a, b) = (inner(a), inner(b));
            quote!(#rule::Both(&#a, &#b))
        }
        Policy::Either(a, b) => {
            let (a, b) = (inner(a), inner(b));
            quote!(#rule::Either(&#a, &#b))
        }
        Policy::Not(a) => {
            let a = inner(a);
            quote!(#rule::Not(&#a))
        }
    }
}

/// The text of a condition on a peer, for the topology and for refusals.
fn peer_text(function: &Expr) -> String {
    match function {
        Expr::Closure(closure) => {
            let inputs: Vec<_> = closure.inputs.iter().map(shown).collect();
            format!("peer(|{}| {})", inputs.join(", "), shown(&closure.body))
        }
        path => format!("peer({})", shown(path)),
    }
}
