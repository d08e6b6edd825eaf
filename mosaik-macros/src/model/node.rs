//! A declared node.

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Pat, Path, Signature, Type, Visibility};

use super::Spanned;

/// What `#[mosaik::node]` declares.
pub(crate) struct Node {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    /// The body, unread: half-typed code is none of our business.
    pub(crate) body: TokenStream,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) name: Spanned<String>,
    pub(crate) network: Spanned<String>,
    pub(crate) tags: Vec<Spanned<String>>,
    /// The proofs that it has.
    pub(crate) proves: Vec<Path>,
    /// The variant of `Reach`.
    pub(crate) reach: &'static str,
}

impl Node {
    /// The function's name.
    pub(crate) fn ident(&self) -> &Ident {
        &self.signature.ident
    }

    /// Whether this is `async fn main`.
    pub(crate) fn is_main(&self) -> bool {
        self.ident() == "main"
    }
}

/// One parameter with a type.
pub(crate) struct Parameter {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) pattern: Pat,
    pub(crate) ty: Type,
}
