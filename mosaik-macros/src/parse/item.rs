//! Items, as shallow as possible: bodies of functions stay tokens, and every attribute is kept.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{
    Attribute, Generics, Path, Signature, Token, Type, Visibility, braced,
    parse::{ParseStream, Parser, discouraged::Speculative},
};

use crate::model::Place;

/// What kind of item this is, in words, and the token that says so.
pub(crate) struct Kind {
    pub(crate) words: &'static str,
    pub(crate) place: Place,
}

const KINDS: &[(&str, &str)] = &[
    ("struct", "a struct"),
    ("enum", "an enum"),
    ("fn", "a function"),
    ("trait", "a trait"),
    ("impl", "an impl block"),
    ("union", "a union"),
    ("mod", "a module"),
    ("type", "a type alias"),
    ("static", "a static"),
    ("use", "an import"),
    ("macro_rules", "a macro"),
    ("const", "a constant"),
];

/// Recognises an item by its keyword.
pub(crate) fn kind(item: &TokenStream) -> Kind {
    let is_const_fn =
        item.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "fn"));
    for token in item.clone() {
        let TokenTree::Ident(word) = &token else { continue };
        let known = KINDS.iter().find(|(keyword, _)| word == keyword);
        match known {
            Some(("const", _)) if is_const_fn => {}
            Some((_, words)) => return Kind { words, place: Place::of(&token) },
            None => {}
        }
    }
    Kind { words: "this", place: Place::of(item) }
}

/// A function whose body is not read.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: TokenStream,
}

/// Reads a function up to its body.
pub(crate) fn function(item: TokenStream) -> syn::Result<Function> {
    let parser = |input: ParseStream<'_>| {
        Ok(Function {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    };
    parser.parse2(item)
}

/// An impl block whose bodies are not read.
pub(crate) struct Block {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) generics: Generics,
    pub(crate) of_trait: Option<Path>,
    pub(crate) ty: Type,
    pub(crate) pieces: Vec<Piece>,
}

/// One thing in an impl block.
pub(crate) enum Piece {
    Function(Box<Function>),
    Other(TokenStream),
}

/// Reads an impl block up to the bodies of its functions.
pub(crate) fn block(item: TokenStream) -> syn::Result<Block> {
    let parser = |input: ParseStream<'_>| {
        let attributes = input.call(Attribute::parse_outer)?;
        input.parse::<Option<Token![unsafe]>>()?;
        input.parse::<Token![impl]>()?;
        let mut generics: Generics = if input.peek(Token![<]) { input.parse()? } else { Generics::default() };
        let first: Type = input.parse()?;
        let (of_trait, ty) = match (input.parse::<Option<Token![for]>>()?, first) {
            (Some(_), Type::Path(path)) => (Some(path.path), input.parse()?),
            (_, ty) => (None, ty),
        };
        generics.where_clause = input.parse()?;
        let content;
        braced!(content in input);
        let mut pieces = Vec::new();
        while !content.is_empty() {
            pieces.push(piece(&content)?);
        }
        Ok(Block { attributes, generics, of_trait, ty, pieces })
    };
    parser.parse2(item)
}

fn piece(input: ParseStream<'_>) -> syn::Result<Piece> {
    let ahead = input.fork();
    let head = |input: ParseStream<'_>| -> syn::Result<(Vec<Attribute>, Visibility, Signature)> {
        Ok((input.call(Attribute::parse_outer)?, input.parse()?, input.parse()?))
    };
    if let Ok((attributes, visibility, signature)) = head(&ahead) {
        input.advance_to(&ahead);
        let body: proc_macro2::Group = input.parse()?;
        let body = TokenTree::from(body).into();
        return Ok(Piece::Function(Box::new(Function { attributes, visibility, signature, body })));
    }
    let mut other = TokenStream::new();
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        other.extend([token]);
        if ends {
            break;
        }
    }
    Ok(Piece::Other(other))
}
