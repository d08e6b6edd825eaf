//! What a declared group of collections must be.

use std::collections::BTreeSet;

use syn::GenericParam;

use super::{group, policy};
use crate::{
    diag::{Diags, catalog},
    model::{Group, Place, shown},
};

/// A struct whose fields are collections, each of them once.
pub(super) fn check(group: &Group, name: &str, diags: &mut Diags) {
    if let (true, Some(place)) = (group.state_machine, group.collections) {
        diags.push(catalog::two_kinds(place, name));
    }
    for parameter in &group.data.item.generics.params {
        let shown = match parameter {
            GenericParam::Type(ty) => ty.ident.to_string(),
            GenericParam::Const(constant) => constant.ident.to_string(),
            GenericParam::Lifetime(lifetime) => lifetime.lifetime.to_string(),
        };
        diags.push(catalog::generic_group(Place::of(parameter), name, &shown));
    }
    if group.named().is_none_or(<[_]>::is_empty) {
        diags.push(catalog::collections_without_names(Place::of(group.data.name()), name));
    }
    let mut seen = BTreeSet::new();
    for field in group.named().unwrap_or_default() {
        if !seen.insert(shown(&field.ty)) {
            diags.push(catalog::collection_twice(Place::of(&field.ty), &shown(&field.ty), name));
        }
    }
    group::voters(group, name, diags);
    group.members.iter().chain(&group.readers).for_each(|policy| policy::check(policy, diags));
}
