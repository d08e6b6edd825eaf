//! Items, as shallow as possible: bodies of functions stay tokens, and every attribute is kept.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Signature, Visibility,
    parse::{ParseStream, Parser},
};

use crate::model::Place;

/// What kind of item this is, in words, and the token that says so.
pub(crate) struct Kind {
    pub(crate) words: &'static str,
    pub(crate) place: Place,
}

const KINDS: &[(&str, &str)] = &[
    ("struct", "a struct"),
    ("enum", "an enum"),
    ("fn", "a function"),
    ("trait", "a trait"),
    ("impl", "an impl block"),
    ("union", "a union"),
    ("mod", "a module"),
    ("type", "a type alias"),
    ("static", "a static"),
    ("use", "an import"),
    ("macro_rules", "a macro"),
    ("const", "a constant"),
];

/// Recognises an item by its keyword.
pub(crate) fn kind(item: &TokenStream) -> Kind {
    let is_const_fn =
        item.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "fn"));
    for token in item.clone() {
        let TokenTree::Ident(word) = &token else { continue };
        let known = KINDS.iter().find(|(keyword, _)| word == keyword);
        match known {
            Some(("const", _)) if is_const_fn => {}
            Some((_, words)) => return Kind { words, place: Place::of(&token) },
            None => {}
        }
    }
    Kind { words: "this", place: Place::of(item) }
}

/// A function whose body is not read.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: TokenStream,
}

/// Reads a function up to its body.
pub(crate) fn function(item: TokenStream) -> syn::Result<Function> {
    let parser = |input: ParseStream<'_>| {
        Ok(Function {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    };
    parser.parse2(item)
}
