//! What an attribute says, as plain data. Every value keeps its place in the source.

mod collection;
mod data;
mod group;
mod intent;
mod methods;
mod node;
mod place;
mod policy;
mod proof;
mod shown;
mod stream;

use std::env;

pub(crate) use collection::Collection;
pub(crate) use data::{Body, Data, Field, Serde, SerdeKey, Variant};
pub(crate) use group::{Group, Key, Voters};
pub(crate) use intent::Intent;
pub(crate) use methods::{Argument, Item, Method, Methods, Passed};
pub(crate) use node::{Node, Parameter};
pub(crate) use place::{Place, Spanned};
pub(crate) use policy::Policy;
pub(crate) use proof::{Proof, ProofKind};
pub(crate) use shown::shown;
pub(crate) use stream::{OnlineWhen, Overflow, Stream};

/// What an attribute knows about the crate that it stands in.
pub(crate) struct Context {
    /// The package's name.
    pub(crate) package: String,
    /// The program's name; the package's in a library.
    pub(crate) program: String,
}

impl Context {
    /// What cargo says about the crate that is being compiled.
    pub(crate) fn of_compiler() -> Self {
        let package = env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "program".to_owned());
        let program = env::var("CARGO_BIN_NAME").unwrap_or_else(|_| package.clone());
        Self { package, program }
    }
}

/// The doc comment of an item, without the comment's marks.
pub(crate) fn docs(attributes: &[syn::Attribute]) -> String {
    let lines =
        attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
            let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else {
                return None;
            };
            let text = text.value();
            Some(text.strip_prefix(' ').unwrap_or(&text).trim_end().to_owned())
        });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The `#[cfg(..)]` attributes, which everything that is generated for an item repeats.
pub(crate) fn cfgs(attributes: &[syn::Attribute]) -> Vec<syn::Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}
