//! `#[collection]`

use proc_macro2::TokenStream;

use super::{Parse, args::Args, data, group, intent, item, keys, require};
use crate::{
    diag::{Diags, catalog},
    model::{Collection, Context},
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
        let mut require = require::read(&mut args, &keys::REQUIRE_OF_COLLECTION, diags);
        let writers = require::side(&mut require, "writers", diags);
        let readers = require::side(&mut require, "readers", diags);
        let intent = intent::read(&mut args, data.name(), context, diags);
        Some(Self { group: group::of(&mut args, data, intent, writers, Vec::new(), diags), readers })
    }
}
