//! `#[collection]`

use proc_macro2::TokenStream;
use syn::Type;

use super::{
    Parse,
    args::{Arg, Args, Value},
    data, group, intent, item, keys, require,
};
use crate::{
    diag::{Diag, Diags, catalog},
    model::{Collection, Context, Place, shown},
};

impl Parse for Collection {
    fn parse(args: TokenStream, item: TokenStream, context: &Context, diags: &mut Diags) -> Option<Self> {
        let mut args = Args::read(args, &keys::COLLECTION, diags);
        let kind = item::kind(&item);
        if kind.words != "a struct" {
            diags.push(catalog::not_a_collection(kind.place, kind.words));
            return None;
        }
        let data = data::read(&mut args, item, &keys::COLLECTION, diags)?;
        let group = args.take("group");
        let is_shared = group.is_some();
        let shared = group.and_then(|arg| diags.take(shared(&arg)));
        if let Some(ty) = &shared {
            for arg in keys::COLLECTION.names().into_iter().filter_map(|word| args.take(word)) {
                diags.push(catalog::said_by_the_group(Place::of(&arg.word), arg.key.name, &shown(ty)));
            }
        }
        let mut require = require::read(&mut args, &keys::REQUIRE_OF_COLLECTION, diags);
        require::readers_alone(require.as_ref(), diags);
        let writers = require::side(&mut require, "writers", diags);
        let readers = require::side(&mut require, "readers", diags);
        let intent = intent::read(&mut args, data.name(), context, diags);
        let group = group::of(&mut args, data, intent, writers, Vec::new(), diags);
        Some(Self { group, readers, shared, is_shared })
    }
}

/// `Exchange`
fn shared(arg: &Arg) -> Result<Type, Diag> {
    let given = match &arg.value {
        Value::Is(tokens) | Value::List(tokens) => tokens.clone(),
        Value::Flag => TokenStream::new(),
    };
    match syn::parse2(given.clone()) {
        Ok(ty @ Type::Path(_)) => Ok(ty),
        _ => Err(catalog::not_a_shared_group(arg.place(), &shown(&given))),
    }
}
