//! What commands and queries must be.

use syn::{GenericArgument, GenericParam, PathArguments, ReceiverKind, ReturnType, Type};

use super::{Check, determinism};
use crate::{
    diag::{Diags, catalog},
    model::{Argument, Method, Methods, Passed, Place, shown},
};

/// Words that every group has for itself.
const RESERVED: &[&str] = &[
    "bootstrap_log",
    "bootstrap_status",
    "changes",
    "clone",
    "execute",
    "execute_many",
    "observe",
    "query",
    "query_at",
    "status",
    "version",
    "weak",
    "when",
    "with_deadline",
    "with_index",
];

impl Check for Methods {
    fn check(&self, diags: &mut Diags) {
        let name = shown(&self.ty);
        if let Some(path) = &self.of_trait {
            return diags.push(catalog::methods_of_a_trait(Place::of(path), &name));
        }
        if let Some(parameter) = self.generics.params.first() {
            diags.push(catalog::generic_group(Place::of(parameter), &name, &parameter_name(parameter)));
        }
        self.travelling().for_each(|method| check(method, diags));
    }
}

fn check(method: &Method, diags: &mut Diags) {
    let name = method.ident().to_string();
    let signature = &method.signature;
    let by_value = signature.receiver().filter(|one| !matches!(one.kind, ReceiverKind::Reference(..)));
    if let Some(receiver) = by_value {
        return diags.push(catalog::self_by_value(Place::of(receiver), &name, &shown(receiver)));
    }
    if let Some(keyword) = &signature.asyncness {
        diags.push(catalog::async_method(Place::of(keyword), &name, method.is_command()));
    }
    let lifetimes = |parameter: &&GenericParam| !matches!(parameter, GenericParam::Lifetime(_));
    if let Some(parameter) = signature.generics.params.iter().find(lifetimes) {
        diags.push(catalog::generic_method(Place::of(parameter), &name, &parameter_name(parameter)));
    }
    if RESERVED.contains(&name.as_str()) {
        diags.push(catalog::reserved_name(Place::of(method.ident()), &name, RESERVED));
    }
    method.arguments.iter().for_each(|argument| self::argument(argument, method, diags));
    if let ReturnType::Type(_, ty) = &signature.output {
        result(ty, &name, diags);
    }
    if method.is_command() && !method.allowed {
        determinism::check(method, &name, diags);
    }
}

fn parameter_name(parameter: &GenericParam) -> String {
    match parameter {
        GenericParam::Type(ty) => ty.ident.to_string(),
        GenericParam::Const(constant) => constant.ident.to_string(),
        GenericParam::Lifetime(lifetime) => shown(&lifetime.lifetime),
    }
}

fn argument(argument: &Argument, method: &Method, diags: &mut Diags) {
    let (place, name) = (Place::of(&argument.ty), method.ident().to_string());
    if argument.kind == Passed::Context {
        if !method.is_command() {
            diags.push(catalog::context_in_a_query(place, &name));
        }
        return;
    }
    let Some(parameter) = &argument.name else {
        let (place, ty) = (Place::of(&argument.pattern), shown(&argument.ty));
        let suggested = if matches!(argument.ty, Type::Tuple(_)) { "both" } else { "value" };
        return diags.push(catalog::pattern_parameter(place, suggested, &ty));
    };
    let parameter = parameter.to_string();
    match &argument.ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            diags.push(catalog::mutable_argument(place, &parameter, &shown(&owned_name(&reference.elem))));
        }
        Type::Reference(reference) if reference.lifetime.as_ref().is_some_and(|of| of.ident == "static") => {
            let help = format!("write `{parameter}: &{}`", shown(&reference.elem));
            diags.push(catalog::borrowed_argument(place, &parameter, &help));
        }
        Type::ImplTrait(_) => diags.push(catalog::generic_method(place, &name, &shown(&argument.ty))),
        ty => {
            let inside = match ty {
                Type::Reference(reference) => &reference.elem,
                ty => ty,
            };
            if let Some(lent) = lent(inside) {
                let help = format!("write `{parameter}: {}`", owned_text(inside));
                let help = match lent {
                    Type::TraitObject(_) | Type::Ptr(_) | Type::FnPtr(_) => "use an enum of what it can be",
                    _ => &help,
                };
                diags.push(catalog::borrowed_argument(place, &parameter, help));
            }
        }
    }
}

fn result(ty: &Type, method: &str, diags: &mut Diags) {
    let Some(lent) = lent(ty) else { return };
    let help = match lent {
        Type::ImplTrait(_) => "collect it: return a `Vec<T>`".to_owned(),
        Type::TraitObject(_) | Type::Ptr(_) | Type::FnPtr(_) => "return an enum of what it can be".to_owned(),
        _ => format!("return `{}`", owned_text(ty)),
    };
    diags.push(catalog::borrowed_result(Place::of(ty), method, &shown(ty), &help));
}

/// The first part of a type that is not owned or not concrete.
fn lent(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(_) | Type::TraitObject(_) | Type::ImplTrait(_) | Type::Ptr(_) | Type::FnPtr(_) => {
            Some(ty)
        }
        Type::Tuple(tuple) => tuple.elems.iter().find_map(lent),
        Type::Array(array) => lent(&array.elem),
        Type::Slice(slice) => lent(&slice.elem),
        Type::Paren(paren) => lent(&paren.elem),
        Type::Group(group) => lent(&group.elem),
        Type::Path(path) => path.path.segments.iter().find_map(|segment| {
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => lent(ty),
                _ => None,
            })
        }),
        _ => None,
    }
}

/// The type as it would be written with owned parts.
fn owned_text(ty: &Type) -> String {
    let text = shown(ty);
    let text = match text.strip_prefix('&') {
        Some("str") => return "String".to_owned(),
        Some(inner) if !inner.contains('&') => inner.trim_start_matches("'static ").to_owned(),
        _ => text,
    };
    let text = text.replace("&'static str", "String").replace("&str", "String").replace('&', "");
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(element) if !element.contains(';') => format!("Vec<{element}>"),
        _ => {
            if text == "str" {
                "String".to_owned()
            } else {
                text
            }
        }
    }
}

/// `String` for `str`, `Vec<T>` for `[T]`.
fn owned_name(ty: &Type) -> Type {
    match ty {
        Type::Slice(slice) => {
            let element = &slice.elem;
            syn::parse_quote!(Vec<#element>)
        }
        Type::Path(path) if path.path.is_ident("str") => syn::parse_quote!(String),
        ty => ty.clone(),
    }
}
