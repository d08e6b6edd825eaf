//! The descriptor of one stream.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Expand, data, paths::Paths, policy, stub};
use crate::{
    model::{Overflow, Stream, cfgs, docs},
    validate::Valid,
};

impl Expand for Stream {
    fn expand(valid: &Valid<Self>, paths: &Paths) -> TokenStream {
        let item = data::item(&valid.data, paths);
        let schema = data::schema(&valid.data, Some(attribute(paths)), paths);
        let datum = datum(valid, paths);
        quote!(#schema #item #datum)
    }

    fn stub(&self, paths: &Paths) -> TokenStream {
        stub::stream(self, paths)
    }
}

/// So that the settings are found also where the type is named as any other.
fn attribute(paths: &Paths) -> TokenStream {
    let (datum, any) = (paths.datum(), quote!(::core::any::Any));
    quote! {
        fn attribute() -> ::core::option::Option<&'static (dyn #any + ::core::marker::Send + ::core::marker::Sync)> {
            ::core::option::Option::Some(<Self as #datum>::DESCRIPTOR)
        }
    }
}

/// `impl Datum`
fn datum(stream: &Stream, paths: &Paths) -> TokenStream {
    let (datum, descriptor, intent, schema) =
        (paths.datum(), paths.stream_descriptor(), paths.intent(), paths.schema());
    let [of_producers, of_consumers] =
        [&stream.producers, &stream.consumers].map(|side| policy::proof(side.as_ref(), paths));
    let attributes = &stream.data.item.attrs;
    let (cfgs, docs, source) = (cfgs(attributes), docs(attributes), paths.here());
    let (ident, name) = (stream.data.name(), stream.data.name().to_string());
    let (text, id) = (&stream.intent.text.value, Literal::byte_string(&stream.intent.id("stream")));
    let (options, accepts) = (options(stream, paths), accepts(stream, paths));
    let producers = policy::rule(stream.producers.as_ref(), paths);
    let consumers = policy::rule(stream.consumers.as_ref(), paths);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #datum for #ident {
            type ProducerProof = #of_producers;
            type ConsumerProof = #of_consumers;
            const DESCRIPTOR: &'static #descriptor = &#descriptor {
                intent: #intent::new(#text, *#id),
                type_name: #name,
                schema: <Self as #schema>::shape,
                options: #options,
                producers: #producers,
                consumers: #consumers,
                docs: #docs,
                source: #source,
            };
            #accepts
        }
    }
}

fn options(stream: &Stream, paths: &Paths) -> TokenStream {
    let options = paths.stream_options();
    let numbers =
        [("buffer", &stream.buffer), ("replay", &stream.replay), ("max_consumers", &stream.max_consumers)];
    let numbers = numbers.into_iter().filter_map(|(name, number)| {
        let (name, number) = (format_ident!("{name}"), Literal::usize_unsuffixed(number.as_ref()?.value));
        Some(quote!(.#name(#number)))
    });
    let overflow = stream.overflow.map(|overflow| {
        let path = paths.overflow();
        let variant = format_ident!("{}", variant(overflow));
        quote!(.overflow(#path::#variant))
    });
    let online_when = stream.online_when.as_ref().map(|online| {
        let subscribers = Literal::usize_unsuffixed(online.subscribers.value);
        let tag = paths.option(online.tag.as_ref().map(|tag| &tag.value));
        quote!(.online_when(#subscribers, #tag))
    });
    quote!(#options::new() #(#numbers)* #overflow #online_when)
}

fn variant(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Disconnect => "Disconnect",
        Overflow::DropOldest => "DropOldest",
        Overflow::DropNewest => "DropNewest",
        Overflow::Block => "Block",
    }
}

/// The older types that are still understood.
fn accepts(stream: &Stream, paths: &Paths) -> TokenStream {
    if stream.accepts.is_empty() {
        return TokenStream::new();
    }
    let accepted = paths.accepted();
    let old = stream.accepts.iter().map(|old| quote_spanned!(old.span()=> #accepted::<Self>::from::<#old>()));
    quote!(const ACCEPTS: &'static [#accepted<Self>] = &[#(#old),*];)
}
