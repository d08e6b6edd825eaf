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

fn main() {
    use mosaik::primitives::schema::{Schema, of};
    fn shape<T: Schema>() -> mosaik::primitives::schema::Shape {
        of::<T>()
    }
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
