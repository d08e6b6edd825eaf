//! A struct or enum that travels.

use proc_macro2::Ident;
use syn::{Attribute, DeriveInput, Type};

use super::{Place, Spanned};

/// A struct or enum that travels, by itself or inside another.
pub(crate) struct Data {
    /// The attribute, as messages show it.
    pub(crate) attribute: &'static str,
    /// The user's item, without our own attributes in it.
    pub(crate) item: DeriveInput,
    /// What it consists of.
    pub(crate) body: Body,
    /// The label of `schema = "v1"`.
    pub(crate) schema: Option<Spanned<String>>,
    /// Where its serde impls come from.
    pub(crate) serde: Serde,
    /// `#[serde(..)]` keys on the item itself and on variants.
    pub(crate) serde_keys: Vec<SerdeKey>,
    /// Serde traits that the user's own derives name, below the attribute.
    pub(crate) serde_derives: Vec<Spanned<String>>,
    /// Other attributes of ours on the same item, below this one.
    pub(crate) siblings: Vec<Spanned<&'static str>>,
    /// `#[mosaik(..)]` where it does not belong: on the item or a variant.
    pub(crate) misplaced: Vec<Place>,
}

impl Data {
    /// The type's name.
    pub(crate) fn name(&self) -> &Ident {
        &self.item.ident
    }

    /// All fields, of all variants.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        let (fields, variants) = match &self.body {
            Body::Struct(fields) => (fields.as_slice(), [].as_slice()),
            Body::Enum(variants) => ([].as_slice(), variants.as_slice()),
        };
        fields.iter().chain(variants.iter().flat_map(|variant| &variant.fields))
    }
}

/// A struct's fields, or an enum's variants.
pub(crate) enum Body {
    Struct(Vec<Field>),
    Enum(Vec<Variant>),
}

/// One variant.
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) fields: Vec<Field>,
}

/// One field.
pub(crate) struct Field {
    /// Its name, or its position.
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) cfgs: Vec<Attribute>,
    /// What `#[mosaik(schema = "name.v1")]` says.
    pub(crate) schema: Option<Spanned<String>>,
    pub(crate) serde_keys: Vec<SerdeKey>,
}

impl Field {
    /// Whether the field stays at home: `#[serde(skip)]`.
    pub(crate) fn is_skipped(&self) -> bool {
        self.serde_keys.iter().any(|key| key.name == "skip")
    }
}

/// One key of a `#[serde(..)]` attribute.
pub(crate) struct SerdeKey {
    pub(crate) name: String,
    pub(crate) place: Place,
}

/// Where the serde impls come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serde {
    /// The attribute derives them.
    Derived,
    /// `serde = own`: the user has them.
    Own,
}
