//! The containers as values: what each operation does, what it answers, and which changes it makes.
//!
//! Nothing here waits or travels. A container is a persistent structure: a clone takes constant time and shares what does not change,
//! so that readers keep one while the group goes on. Equal contents have equal bytes, in whatever order they came about.

mod cell;
mod container;
mod entries;
mod map;
mod number;
mod once;
mod ordered;
mod queue;
mod serial;
mod set;
#[cfg(test)]
mod tests;
mod value;
mod vec;

pub use cell::{Cell, CellChange, CellOperation};
pub use container::{Container, Step};
pub use entries::MapIntoIter;
pub use map::{Map, MapChange, MapOperation};
pub use number::{AddError, Number};
pub use once::{Once, OnceChange, OnceOperation};
pub use queue::{Inserted, Keep, PriorityQueue, QueueChange, QueueOperation, Removed};
pub use set::{Set, SetChange, SetIntoIter, SetOperation, Union};
pub use value::{Key, Value};
pub use vec::{OutOfRange, RangeError, Vec, VecChange, VecOperation};
