//! Randomness as an argument: one seeded generator per node, split per use.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// The generator of one node or one part of it.
#[derive(Debug, Clone)]
pub struct NodeRng(ChaCha12Rng);

impl NodeRng {
    /// A generator that the operating system seeds.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for randomness")]
    pub fn from_system() -> Self {
        Self(rand::make_rng())
    }

    /// A generator whose whole output follows from `seed`.
    pub fn from_seed(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A generator for one part; the same label twice gives two different generators.
    pub fn split(&mut self, label: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 rng split");
        hasher.update(&self.0.random::<[u8; 32]>());
        hasher.update(label.as_bytes());
        Self(ChaCha12Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// The generator itself, for everything that takes `rand::Rng`.
    pub fn get(&mut self) -> &mut ChaCha12Rng {
        &mut self.0
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 128 random bits.
    pub fn next_u128(&mut self) -> u128 {
        u128::from(self.next_u64()) << 64 | u128::from(self.next_u64())
    }

    /// 32 random bytes.
    pub fn bytes_32(&mut self) -> [u8; 32] {
        self.0.random()
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.0.random_range(0..bound) }
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_parts_differ() {
        let (mut a, mut b) = (NodeRng::from_seed(7), NodeRng::from_seed(7));
        assert_eq!(a.split("gossip").next_u128(), b.split("gossip").next_u128());
        assert_ne!(a.split("gossip").next_u64(), a.split("gossip").next_u64());
        assert_eq!(a.below(0), 0);
    }
}
