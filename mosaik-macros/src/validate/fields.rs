//! Owned and concrete: what a field of something that travels must be.
//!
//! Only what the spelling shows is judged here; whether a type has a wire form is asked of the compiler.

use syn::{GenericArgument, PathArguments, Type};

use super::is_plain;
use crate::{
    diag::{Diag, Diags, catalog},
    model::{Data, Field, Place, Serde, SerdeKey, shown},
};

const FORBIDDEN: &[&str] = &[
    "skip_serializing_if",
    "skip_serializing",
    "skip_deserializing",
    "flatten",
    "untagged",
    "tag",
    "content",
];

/// Checks every field of an item.
pub(super) fn check(data: &Data, diags: &mut Diags) {
    for field in data.fields() {
        if let Some(label) = field.schema.as_ref().filter(|label| !is_plain(&label.value)) {
            diags.push(catalog::not_a_label(label.place, &label.value));
        }
        serde(&field.serde_keys, data, diags);
        if field.schema.is_none() && !field.is_skipped() {
            diags.take(owned(field, &field.ty));
        }
    }
}

/// Checks the keys of `#[serde(..)]`.
pub(super) fn serde(keys: &[SerdeKey], data: &Data, diags: &mut Diags) {
    for key in keys {
        if FORBIDDEN.contains(&key.name.as_str()) {
            // `tag` and `content` belong together: one mistake.
            if key.name != "content" || keys.iter().all(|key| key.name != "tag") {
                diags.push(catalog::serde_changes_the_wire(key.place, &key.name));
            }
        } else if key.name == "crate" && data.serde == Serde::Derived && data.serde_derives.is_empty() {
            diags.push(catalog::serde_crate(key.place, data.attribute));
        }
    }
}

fn owned(field: &Field, ty: &Type) -> Result<(), Diag> {
    let place = Place::of(ty);
    match ty {
        Type::Reference(reference) => {
            Err(catalog::borrowed_field(place, &field.name, &owned_form(&reference.elem)))
        }
        Type::Ptr(_) | Type::FnPtr(_) => Err(catalog::pointer_field(place, &field.name)),
        Type::TraitObject(_) | Type::ImplTrait(_) => {
            Err(catalog::trait_object_field(place, &field.name, &shown(ty)))
        }
        Type::Array(array) => owned(field, &array.elem),
        Type::Slice(slice) => owned(field, &slice.elem),
        Type::Paren(paren) => owned(field, &paren.elem),
        Type::Group(group) => owned(field, &group.elem),
        Type::Tuple(tuple) => tuple.elems.iter().try_for_each(|ty| owned(field, ty)),
        Type::Path(path) => {
            path.path.segments.iter().try_for_each(|segment| arguments(field, &segment.arguments))
        }
        _ => Ok(()),
    }
}

fn arguments(field: &Field, arguments: &PathArguments) -> Result<(), Diag> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return Ok(()) };
    arguments.args.iter().try_for_each(|argument| match argument {
        GenericArgument::Type(ty) => owned(field, ty),
        _ => Ok(()),
    })
}

/// The owned type to use instead of a borrow.
fn owned_form(borrowed: &Type) -> String {
    match borrowed {
        Type::Path(path) if path.path.is_ident("str") => {
            "`String`, or `Bytes` to share without copying".to_owned()
        }
        Type::Slice(slice) if shown(&slice.elem) == "u8" => {
            "`Bytes`, which is shared without copying".to_owned()
        }
        Type::Slice(slice) => format!("`Vec<{}>`", shown(&slice.elem)),
        Type::TraitObject(_) => "an enum of the types that it can be".to_owned(),
        other => format!("`{}`", shown(other)),
    }
}
