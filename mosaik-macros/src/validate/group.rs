//! What a declared group must be.

use std::collections::BTreeSet;

use syn::{GenericArgument, GenericParam, PathArguments, Type};

use super::{Check, bundle, intent, policy};
use crate::{
    diag::{Diags, catalog},
    model::{Group, Place, Voters, shown},
};

/// The most voters; the same number as the runtime's.
const MOST: usize = 13;

/// The round trips that a group can be told to stand, in milliseconds; the same numbers as the runtime's.
const ROUND_TRIPS: std::ops::RangeInclusive<u64> = 60..=2000;

impl Check for Group {
    fn check(&self, diags: &mut Diags) {
        let name = self.data.name().to_string();
        intent::check(&self.intent, self.data.attribute, &name, diags);
        if self.collections.is_some() {
            return bundle::check(self, &name, diags);
        }
        self.data.check(diags);
        for parameter in &self.data.item.generics.params {
            let shown = match parameter {
                GenericParam::Type(ty) => ty.ident.to_string(),
                GenericParam::Const(constant) => constant.ident.to_string(),
                GenericParam::Lifetime(_) => continue,
            };
            diags.push(catalog::generic_group(Place::of(parameter), &name, &shown));
        }
        if !self.state_machine {
            diags.push(catalog::kind_missing(Place::of(self.data.name()), &name));
        }
        for from in self.from.iter().filter(|from| shown(from) == name) {
            diags.push(catalog::from_itself(Place::of(from), &name));
        }
        voters(self, &name, diags);
        state(self, diags);
        self.members.iter().for_each(|members| policy::check(members, diags));
    }
}

pub(super) fn voters(group: &Group, name: &str, diags: &mut Diags) {
    match &group.voters {
        None if !group.has_voters => {
            diags.push(catalog::voters_missing(Place::of(group.data.name()), group.data.attribute, name));
        }
        Some(Voters::Count(count)) => range(count.place, "voters", count.value, diags),
        Some(Voters::List(peers, place)) => {
            range(*place, "voters", peers.len(), diags);
            let mut seen = BTreeSet::new();
            for twice in peers.iter().filter(|peer| !seen.insert(peer.value)) {
                diags.push(catalog::voter_twice(twice.place));
            }
        }
        None | Some(Voters::Founder) => {}
    }
    if let Some(committee) = &group.committee {
        range(committee.place, "committee", committee.value, diags);
    }
    if let Some(round_trip) = group.round_trip.as_ref().filter(|time| !ROUND_TRIPS.contains(&time.value)) {
        diags.push(catalog::round_trip_out_of_range(round_trip.place, round_trip.value));
    }
    if let (Some(founder), Some(Voters::Count(_) | Voters::List(..))) = (&group.founder, &group.voters) {
        diags.push(catalog::founder_beside_voters(founder.place));
    }
}

fn range(place: Place, word: &str, count: usize, diags: &mut Diags) {
    if !(1..=MOST).contains(&count) {
        diags.push(catalog::voters_out_of_range(place, word, count));
    }
}

/// Members compare their states, so its order must be the same on all of them.
fn state(group: &Group, diags: &mut Diags) {
    for (field, allowed) in group.data.fields().zip(&group.allowed) {
        if let (Some((place, given, ordered)), false) = (unordered(&field.ty), *allowed || field.is_skipped())
        {
            diags.push(catalog::unordered_state(place, &field.name, given, ordered));
        }
    }
}

/// Containers without an order of their own, and what to use instead.
pub(super) const UNORDERED: &[(&str, &str)] = &[("HashMap", "BTreeMap"), ("HashSet", "BTreeSet")];

fn unordered(ty: &Type) -> Option<(Place, &'static str, &'static str)> {
    match ty {
        Type::Path(path) => path.path.segments.iter().find_map(|segment| {
            let found = UNORDERED.iter().find(|(name, _)| segment.ident == name);
            found.map(|(name, ordered)| (Place::of(ty), *name, *ordered)).or_else(|| {
                let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
                arguments.args.iter().find_map(|argument| match argument {
                    GenericArgument::Type(ty) => unordered(ty),
                    _ => None,
                })
            })
        }),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(unordered),
        Type::Array(array) => unordered(&array.elem),
        Type::Paren(paren) => unordered(&paren.elem),
        Type::Group(group) => unordered(&group.elem),
        _ => None,
    }
}
