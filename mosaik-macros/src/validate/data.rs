//! What any struct or enum that travels must be.

use syn::GenericParam;

use super::{Check, fields, is_plain};
use crate::{
    diag::{Diags, catalog},
    model::{Body, Data, Place, Serde, shown},
};

impl Check for Data {
    fn check(&self, diags: &mut Diags) {
        let name = self.name().to_string();
        for parameter in &self.item.generics.params {
            if let GenericParam::Lifetime(borrows) = parameter {
                diags.push(catalog::lifetime(Place::of(parameter), &name, &shown(&borrows.lifetime)));
            }
        }
        attributes(self, &name, diags);
        if let Body::Enum(variants) = &self.body
            && variants.is_empty()
        {
            diags.push(catalog::empty_enum(Place::of(self.name()), &name));
        }
        // A lifetime on the type is the one mistake; its fields follow from it.
        if self.item.generics.lifetimes().next().is_none() {
            fields::check(self, diags);
        }
    }
}

fn attributes(data: &Data, name: &str, diags: &mut Diags) {
    if let Some(label) = data.schema.as_ref().filter(|label| !is_plain(&label.value)) {
        diags.push(catalog::not_a_label(label.place, &label.value));
    }
    for sibling in &data.siblings {
        diags.push(match (data.attribute, sibling.value) {
            (one, other) if one == other => catalog::attribute_twice(sibling.place, one, name),
            (one, "#[mosaik::data]") => catalog::data_beside(sibling.place, one, name),
            ("#[mosaik::data]", other) => catalog::data_beside(sibling.place, other, name),
            _ => catalog::stream_and_group(sibling.place, name),
        });
    }
    if let Some(place) = data.misplaced.first() {
        diags.push(catalog::not_on_a_field(*place));
    }
    fields::serde(&data.serde_keys, data, diags);
    if let (Some(first), Serde::Derived) = (data.serde_derives.first(), data.serde) {
        let names: Vec<_> = data.serde_derives.iter().map(|derive| derive.value.as_str()).collect();
        diags.push(catalog::serde_derived_twice(first.place, data.attribute, &names));
    }
}
