//! parse → validate → expand; after a mistake: the user's item, stubs, then every error.
//!
//! This file holds the order of the stages and nothing about any attribute.

use proc_macro2::TokenStream;

use crate::{
    diag::Diags,
    expand::{Expand, paths::Paths},
    model::Context,
    parse::Parse,
    validate::{self, Check},
};

/// An attribute is a model with the three stages.
pub(crate) trait Attribute: Parse + Check + Expand {}

impl<M: Parse + Check + Expand> Attribute for M {}

/// Runs an attribute inside the compiler.
pub(crate) fn attribute<M: Attribute>(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    run::<M>(args.into(), item.into(), &Context::of_compiler(), &Paths::of_compiler()).into()
}

/// Runs an attribute on any tokens.
pub(crate) fn run<M: Attribute>(
    args: TokenStream,
    item: TokenStream,
    context: &Context,
    paths: &Paths,
) -> TokenStream {
    let mut diags = Diags::default();
    let mut tokens = match M::parse(args, item.clone(), context, &mut diags) {
        None => item,
        Some(model) => match validate::run(model, &mut diags) {
            Ok(valid) => M::expand(&valid, paths),
            Err(model) => model.stub(paths),
        },
    };
    tokens.extend(diags.into_tokens());
    tokens
}
