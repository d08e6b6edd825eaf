//! What a node must be.

use syn::{FnArg, GenericArgument, PathArguments, ReturnType, Type, TypePath};

use super::{Check, policy};
use crate::{
    diag::{Diags, catalog},
    model::{Node, Parameter, Place, Spanned, shown},
};

const ROLES: &[&str] =
    &["Producer", "Consumer", "Group", "Learner", "Writer", "Reader", "Network", "Shutdown", "Args"];

impl Check for Node {
    fn check(&self, diags: &mut Diags) {
        signature(self, diags);
        self.parameters.iter().for_each(|parameter| check(parameter, diags));
        name(&self.name, "name", diags);
        name(&self.network, "network", diags);
        self.tags.iter().for_each(|tag| policy::tag(tag, diags));
        for (at, proof) in self.proves.iter().enumerate() {
            if self.proves[..at].contains(proof) {
                diags.push(catalog::proven_twice(Place::of(proof), &shown(proof)));
            }
        }
    }
}

fn signature(node: &Node, diags: &mut Diags) {
    let signature = &node.signature;
    let name = node.ident().to_string();
    let returned = match &signature.output {
        ReturnType::Type(_, ty) if shown(ty) != "()" => Some(&**ty),
        _ => None,
    };
    if signature.asyncness.is_none() || returned.is_none() {
        let mut right = signature.clone();
        right.asyncness.get_or_insert_default();
        let result = returned.map_or_else(|| "mosaik::Result".to_owned(), shown);
        right.output = ReturnType::Default;
        let place = match signature.asyncness {
            None => Place::of(&signature.fn_token),
            Some(_) => Place::of(node.ident()),
        };
        diags.push(catalog::not_a_node(place, &format!("{} -> {result}", shown(&right))));
    } else if let Some(ty) = returned.filter(|ty| is_surely_no_result(ty)) {
        diags.push(catalog::not_a_result(Place::of(ty), &name, &shown(ty)));
    }
    if let Some(parameter) = signature.generics.params.first() {
        let shown = match parameter {
            syn::GenericParam::Type(ty) => ty.ident.to_string(),
            syn::GenericParam::Const(constant) => constant.ident.to_string(),
            syn::GenericParam::Lifetime(lifetime) => shown(&lifetime.lifetime),
        };
        diags.push(catalog::generic_node(Place::of(parameter), &name, &shown));
    }
    if let Some(FnArg::Receiver(receiver)) = signature.inputs.first() {
        diags.push(catalog::method_as_node(Place::of(receiver), &name));
    }
}

/// Whether the spelling shows that this is not a `Result`. An alias may be anything, and is left to the compiler.
fn is_surely_no_result(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let word = last.ident.to_string();
            word.starts_with(|c: char| c.is_ascii_lowercase())
                || ["String", "Vec", "Option"].contains(&word.as_str())
        }),
        Type::Reference(_) | Type::Tuple(_) | Type::Array(_) | Type::ImplTrait(_) => true,
        _ => false,
    }
}

fn check(parameter: &Parameter, diags: &mut Diags) {
    let place = Place::of(&parameter.ty);
    match &parameter.ty {
        Type::Reference(reference) => {
            let pattern = shown(&parameter.pattern);
            diags.push(catalog::borrowed_parameter(place, &pattern, &shown(&reference.elem)));
        }
        Type::ImplTrait(_) => diags.push(catalog::impl_trait_parameter(place)),
        Type::Path(path) => {
            if let Some(inner) = contained(path) {
                let is_role = matches!(inner, Type::Path(path) if path.path.segments.last().is_some_and(|last| {
                    ROLES.iter().any(|role| last.ident == role)
                }));
                diags.push(catalog::container_parameter(place, &shown(path), &shown(inner), is_role));
            }
        }
        _ => {}
    }
}

/// The `T` of `Vec<T>` or `Option<T>`.
fn contained(path: &TypePath) -> Option<&Type> {
    let last = path.path.segments.last().filter(|last| last.ident == "Vec" || last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// Names become directories and command line words.
fn name(text: &Spanned<String>, word: &str, diags: &mut Diags) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let plain = (1..=64).contains(&text.value.len()) && text.value.chars().all(allowed);
    if !plain || text.value.starts_with(['.', '-']) {
        diags.push(catalog::not_a_name(text.place, word, &text.value));
    }
}
