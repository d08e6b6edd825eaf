//! What a declared stream must be.

use syn::GenericParam;

use super::{Check, intent, policy};
use crate::{
    diag::{Diags, catalog},
    model::{Place, Stream, shown},
};

/// What the runtime keeps when the attribute says nothing.
const DEFAULT_BUFFER: usize = 1024;

impl Check for Stream {
    fn check(&self, diags: &mut Diags) {
        let name = self.data.name().to_string();
        intent::check(&self.intent, self.data.attribute, &name, diags);
        self.data.check(diags);
        let parameter = self.data.item.generics.params.iter().find_map(|parameter| match parameter {
            GenericParam::Type(ty) => Some((Place::of(parameter), ty.ident.to_string())),
            GenericParam::Const(constant) => Some((Place::of(parameter), constant.ident.to_string())),
            GenericParam::Lifetime(_) => None,
        });
        if let Some((place, parameter)) = parameter {
            diags.push(catalog::generic_stream(place, &name, &parameter, &self.intent.text.value));
        }
        options(self, diags);
        for old in self.accepts.iter().filter(|old| shown(old) == name) {
            diags.push(catalog::accepts_itself(Place::of(old), &name));
        }
        self.producers.iter().chain(&self.consumers).for_each(|side| policy::check(side, diags));
    }
}

fn options(stream: &Stream, diags: &mut Diags) {
    let waits_for = stream.online_when.as_ref().map(|online| &online.subscribers);
    let numbers = [
        ("buffer", stream.buffer.as_ref()),
        ("max_consumers", stream.max_consumers.as_ref()),
        ("online_when", waits_for),
    ];
    for (word, number) in numbers {
        if let Some(number) = number.filter(|number| number.value == 0) {
            diags.push(catalog::zero(number.place, word));
        }
    }
    let buffer = stream.buffer.as_ref().map_or(DEFAULT_BUFFER, |buffer| buffer.value);
    if let Some(replay) = stream.replay.as_ref().filter(|replay| buffer > 0 && replay.value > buffer) {
        diags.push(catalog::replay_over_buffer(replay.place, replay.value, buffer));
    }
    if let (Some(needed), Some(allowed)) = (waits_for, &stream.max_consumers)
        && needed.value > allowed.value
        && allowed.value > 0
    {
        diags.push(catalog::never_online(needed.place, needed.value, allowed.value));
    }
    if let Some(tag) = stream.online_when.as_ref().and_then(|online| online.tag.as_ref()) {
        policy::tag(tag, diags);
    }
}
