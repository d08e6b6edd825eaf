//! The only file that spells paths of the facade.
//!
//! Generated code names nothing outside `core` and `std` but what `::mosaik::__private` re-exports, under the name that the
//! user's `Cargo.toml` gives the crate.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// The way to the facade.
pub(crate) struct Paths {
    root: Ident,
}

macro_rules! items {
    ($($function:ident => $item:ident),* $(,)?) => {
        impl Paths {$(
            pub(crate) fn $function(&self) -> TokenStream {
                let private = self.private();
                quote!(#private::$item)
            }
        )*}
    };
}

items! {
    accepted => Accepted, built_with_jwt => built_with_jwt, built_with_tdx => built_with_tdx, gate => gate, jwt_proof => JwtProof,
    own_proof => own_proof, proof => Proof, proof_descriptor => ProofDescriptor, proof_kind => ProofKind, tdx_platform => TdxPlatform, tdx_proof => TdxProof, anyone => Anyone, bundle => Bundle, bundle_descriptor => BundleDescriptor,
    bundle_shape => bundle_shape, collections => Collections, group_of => group_of, handles => Handles, holds => Holds, alone => Alone,
    open_readers => open_readers, open_writers => open_writers, opened_readers => OpenedReaders,
    opened_writers => OpenedWriters, opening => Opening, opens => Opens, part => part, part_kind => Part, part_of => part_of,
    part_of_group => PartOf, reader => Reader, readers => Readers, readers_of => readers_of, reads => reads, role => Role,
    together => Together, writer => Writer, writers => Writers, writes => writes,
    boxed_future => BoxFuture, collection_shape => collection_shape, cell => Cell, collection => Collection,
    collection_descriptor => CollectionDescriptor, declared_collection => DeclaredCollection, datum => Datum, declared => Declared, earlier => Earlier, earlier_of => earlier,
    deserialize => Deserialize, finish => finish, group => Group, group_descriptor => GroupDescriptor,
    group_options => GroupOptions, intent => Intent, key_source => KeySource, machine_shape => machine_shape, node => Node,
    node_descriptor => NodeDescriptor, node_entry => NodeEntry, node_item => NodeItem, overflow => Overflow,
    parameter => Parameter, peer_id => PeerId, reach => Reach, result => Result, rule => Rule, run_main => run_main,
    schema => Schema, seen => Seen, serde => serde, serialize => Serialize, shape => Shape, source => Source,
    state_machine => StateMachine, storage => Storage, stream_descriptor => StreamDescriptor,
    stream_options => StreamOptions, voter_set => VoterSet, weak => Weak,
}

impl Paths {
    /// What the crate that is being compiled calls the facade.
    pub(crate) fn of_compiler() -> Self {
        let name = match crate_name("mosaik") {
            Ok(FoundCrate::Name(name)) => name,
            Ok(FoundCrate::Itself) | Err(_) => "mosaik".to_owned(),
        };
        Self::named(&name)
    }

    /// The facade under another name.
    pub(crate) fn named(name: &str) -> Self {
        Self { root: format_ident!("{name}") }
    }

    /// `"::mosaik::__private::serde"`, for `#[serde(crate = "…")]`.
    pub(crate) fn serde_text(&self) -> String {
        format!("::{}::__private::serde", self.root)
    }

    /// `"::mosaik::__private::shared"`, for `#[serde(with = "…")]`.
    pub(crate) fn shared_text(&self) -> String {
        format!("::{}::__private::shared", self.root)
    }

    /// A short name for all that, where there is much of it: in a block of its own.
    pub(crate) fn alias(&self) -> TokenStream {
        let (private, short) = (self.private(), self.short());
        quote!(use #private as #short;)
    }

    /// The name that [`alias`](Self::alias) gives.
    pub(crate) fn short(&self) -> TokenStream {
        quote!(__m)
    }

    /// Where the attribute stands.
    pub(crate) fn here(&self) -> TokenStream {
        let source = self.source();
        quote!(#source { file: ::core::file!(), line: ::core::line!() })
    }

    /// `Some(value)` or `None`, whatever these words mean where the user is.
    pub(crate) fn option(&self, value: Option<impl quote::ToTokens>) -> TokenStream {
        match value {
            Some(value) => quote!(::core::option::Option::Some(#value)),
            None => quote!(::core::option::Option::None),
        }
    }

    fn private(&self) -> TokenStream {
        let root = &self.root;
        quote!(::#root::__private)
    }
}
