//! What a declared collection must be.

use syn::{Fields, GenericParam, Type};

use super::{Check, group, intent, policy};
use crate::{
    diag::{Diags, catalog},
    model::{Collection, Place},
};

/// The containers.
const CONTAINERS: &[&str] = &["Map", "Vec", "Set", "Cell", "Once", "PriorityQueue"];

/// Containers of std, and what to use instead.
const INSTEAD: &[(&str, &str)] = &[
    ("HashMap", "Map"),
    ("BTreeMap", "Map"),
    ("HashSet", "Set"),
    ("BTreeSet", "Set"),
    ("VecDeque", "Vec"),
    ("LinkedList", "Vec"),
    ("BinaryHeap", "PriorityQueue"),
    ("Option", "Cell"),
    ("RefCell", "Cell"),
    ("OnceCell", "Once"),
    ("OnceLock", "Once"),
];

impl Check for Collection {
    fn check(&self, diags: &mut Diags) {
        let data = &self.group.data;
        let name = data.name().to_string();
        intent::check(&self.group.intent, data.attribute, &name, diags);
        for parameter in &data.item.generics.params {
            let shown = match parameter {
                GenericParam::Type(ty) => ty.ident.to_string(),
                GenericParam::Const(constant) => constant.ident.to_string(),
                GenericParam::Lifetime(lifetime) => lifetime.lifetime.to_string(),
            };
            diags.push(catalog::generic_collection(Place::of(parameter), &name, &shown));
        }
        fields(self, &name, diags);
        if !self.is_shared {
            group::voters(&self.group, &name, diags);
        }
        self.group.members.iter().chain(&self.readers).for_each(|policy| policy::check(policy, diags));
    }
}

fn fields(collection: &Collection, name: &str, diags: &mut Diags) {
    let data = &collection.group.data;
    let syn::Data::Struct(body) = &data.item.data else { return };
    match &body.fields {
        Fields::Named(named) => {
            let place = named.named.first().map_or_else(|| Place::of(data.name()), Place::of);
            diags.push(catalog::collection_with_names(place, name));
        }
        Fields::Unit => diags.push(catalog::collection_without_container(Place::of(data.name()), name)),
        Fields::Unnamed(fields) => match (fields.unnamed.first(), fields.unnamed.get(1)) {
            (None, _) => diags.push(catalog::collection_without_container(Place::of(data.name()), name)),
            (Some(_), Some(second)) => {
                diags.push(catalog::collection_of_many(Place::of(&second.ty), name, fields.unnamed.len()));
            }
            (Some(only), None) => container(&only.ty, diags),
        },
    }
}

fn container(ty: &Type, diags: &mut Diags) {
    let last = match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    };
    let given = last.map_or_else(|| crate::model::shown(ty), |last| last.ident.to_string());
    if !CONTAINERS.contains(&&*given) {
        let instead = INSTEAD.iter().find(|(std, _)| *std == given).map(|(_, ours)| *ours);
        let arguments = last.map(|last| crate::model::shown(&last.arguments)).unwrap_or_default();
        let place = last.map_or_else(|| Place::of(ty), |last| Place::of(&last.ident));
        diags.push(catalog::not_a_container(place, &given, instead, &arguments, CONTAINERS));
    }
}
