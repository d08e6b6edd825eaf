//! Every kind of type that travels, with no prelude and no word of std's in reach.
#![deny(warnings)]
#![allow(dead_code, missing_docs, unreachable_pub)]

mod shadows {
    pub struct Some;
    pub struct None;
    pub struct String;
    pub struct Option;
    pub struct Box;
}

/// Words that generated code must not take for std's.
mod hostile {
    #[allow(unused_imports)]
    use super::shadows::*;

    #[mosaik::data(schema = "v1")]
    pub struct Plain {
        pub number: u64,
        #[mosaik(schema = "never.v1")]
        pub foreign: std::marker::PhantomData<u8>,
    }
}

/// Unit.
#[mosaik::data]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Now;

/// Tuple, with a recursive part.
#[mosaik::data]
pub struct Tree(Vec<Tree>, Option<Box<Tree>>);

/// All shapes of variants.
#[mosaik::data]
pub enum Order {
    Buy {
        price: u64,
        r#type: String,
    },
    Sell(u64, [u8; 4]),
    Cancel,
    #[cfg(any())]
    Never(Nothing),
}

/// Generic.
#[mosaik::data]
pub struct Page<T: Clone, const N: usize> {
    items: Vec<T>,
    next: Option<std::sync::Arc<Order>>,
    #[cfg(any())]
    never: Nothing,
    #[serde(skip)]
    cache: Option<u8>,
}

/// Serde by hand.
#[mosaik::data(serde = own)]
#[derive(mosaik::__private::Serialize, mosaik::__private::Deserialize)]
#[serde(crate = "mosaik::__private::serde")]
struct Own {
    at: std::time::Duration,
}

/// Items that come out of a user's own macro.
macro_rules! declared {
    ($visibility:vis $name:ident: $ty:ty) => {
        #[mosaik::data]
        $visibility struct $name($ty);
    };
    ($item:item) => {
        #[mosaik::data]
        $item
    };
}

declared!(pub Wrapped: Vec<u8>);
declared!(
    #[derive(Clone)]
    pub enum Whole {
        Only(u8),
    }
);

fn shape<T: mosaik::primitives::Schema>() -> mosaik::primitives::schema::Shape {
    mosaik::primitives::schema::of::<T>()
}

fn main() {
    /// Local to a function.
    #[mosaik::data]
    struct Local(Wrapped, Whole);
    shape::<Local>();
    assert!(shape::<Tree>().is_recursive());
    shape::<hostile::Plain>();
    shape::<Now>();
    shape::<Order>();
    shape::<Page<Order2, 3>>();
    shape::<Own>();
}

#[mosaik::data]
#[derive(Clone)]
pub enum Order2 {
    Only,
}
