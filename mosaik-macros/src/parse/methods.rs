//! `#[methods]`

use proc_macro2::TokenStream;
use syn::{Attribute, FnArg, Pat, PatType, Type, parse_quote};

use super::{
    Parse,
    args::Args,
    group,
    item::{self, Function, Piece},
    keys,
};
use crate::{
    diag::{Diags, catalog},
    model::{Argument, Context, Item, Method, Methods, Passed},
};

impl Parse for Methods {
    fn parse(args: TokenStream, item: TokenStream, _: &Context, diags: &mut Diags) -> Option<Self> {
        Args::read(args, &keys::METHODS, diags);
        let kind = item::kind(&item);
        if kind.words != "an impl block" {
            diags.push(catalog::not_an_impl(kind.place, kind.words));
            return None;
        }
        let block = diags.take(item::block(item).map_err(Into::into))?;
        let items = block.pieces.into_iter().map(|piece| match piece {
            Piece::Function(function) => Item::Method(Box::new(method(*function))),
            Piece::Other(tokens) => Item::Other(tokens),
        });
        Some(Self {
            attributes: block.attributes,
            generics: block.generics,
            of_trait: block.of_trait,
            ty: block.ty,
            items: items.collect(),
        })
    }
}

fn method(function: Function) -> Method {
    let Function { mut attributes, visibility, signature, body } = function;
    let mut take = |is: fn(&Attribute) -> bool| {
        let before = attributes.len();
        attributes.retain(|attribute| !is(attribute));
        attributes.len() < before
    };
    let (skipped, allowed) = (take(skips), take(group::allows));
    let arguments = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => Some(argument(typed)),
    });
    Method { arguments: arguments.collect(), attributes, visibility, signature, body, skipped, allowed }
}

fn skips(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "skip")
}

fn argument(typed: &PatType) -> Argument {
    let name = match &*typed.pat {
        Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => Some(ident.ident.clone()),
        _ => None,
    };
    let ty = (*typed.ty).clone();
    let (kind, owned) = match &ty {
        Type::Reference(reference) if is(&reference.elem, "Apply") => (Passed::Context, ty.clone()),
        Type::Reference(reference) => (Passed::Reference, owned(&reference.elem)),
        _ => (Passed::Value, ty.clone()),
    };
    Argument { name, pattern: (*typed.pat).clone(), ty, owned, kind }
}

/// The type that stands for a reference on its way.
fn owned(borrowed: &Type) -> Type {
    match borrowed {
        Type::Slice(slice) => {
            let element = &slice.elem;
            parse_quote!(::std::vec::Vec<#element>)
        }
        ty if is(ty, "str") => parse_quote!(::std::string::String),
        ty if is(ty, "Path") => parse_quote!(::std::path::PathBuf),
        ty => ty.clone(),
    }
}

fn is(ty: &Type, name: &str) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == name),
        _ => false,
    }
}
