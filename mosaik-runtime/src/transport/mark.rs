//! What a node puts beside its peer id where strangers read along, so that others of its network know it.
//!
//! A mark is a keyed hash of the peer id. Only who knows the network (its secret where it has one, else its name) can
//! tell whose it is; it is worth nothing beside another peer id, and it proves nothing: that is left to the `Hello`.

use std::fmt;

use crate::primitives::{NetworkId, NetworkSecret, PeerId};

const CLOSED: &str = "mosaik 1 2026-11-21 mark of a member of a closed network";
const OPEN: &str = "mosaik 1 2026-11-21 mark of a member of an open network";

/// The marks of one network.
#[derive(Clone)]
pub struct Marks {
    /// The first makes marks, all recognise them. Never empty.
    keys: Vec<[u8; 32]>,
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marks")
    }
}

impl Marks {
    /// The marks of a network with these secrets, or of an open one.
    pub fn new(network: &NetworkId, secrets: &[NetworkSecret]) -> Self {
        let closed = |secret: &NetworkSecret| {
            let bound = [network.as_bytes().as_slice(), secret.key()].concat();
            blake3::derive_key(CLOSED, &bound)
        };
        let mut keys: Vec<_> = secrets.iter().map(closed).collect();
        if keys.is_empty() {
            keys.push(blake3::derive_key(OPEN, network.as_bytes()));
        }
        Self { keys }
    }

    /// The mark of a peer, as text.
    pub fn of(&self, peer: &PeerId) -> String {
        self.keys.first().map(|key| mark(key, peer)).unwrap_or_default()
    }

    /// Whether this is the mark of that peer in this network.
    pub fn is_of(&self, peer: &PeerId, text: &str) -> bool {
        self.keys.iter().any(|key| mark(key, peer) == text)
    }
}

fn mark(key: &[u8; 32], peer: &PeerId) -> String {
    blake3::keyed_hash(key, peer.as_bytes()).to_hex().as_str().chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> NetworkSecret {
        NetworkSecret::new(&[byte; 32]).expect("long enough")
    }

    #[test]
    fn members_know_each_other_by_their_marks_and_strangers_do_not() {
        let (net, other) = (NetworkId::derive("net"), NetworkId::derive("other"));
        let peer = PeerId::from_bytes([7; 32]);
        let mine = Marks::new(&net, &[secret(1)]);
        let mark = mine.of(&peer);
        assert!(mine.is_of(&peer, &mark));
        assert!(!mine.is_of(&PeerId::from_bytes([8; 32]), &mark), "it is bound to the peer id");
        for stranger in [(&net, vec![]), (&net, vec![secret(2)]), (&other, vec![secret(1)])] {
            assert!(!Marks::new(stranger.0, &stranger.1).is_of(&peer, &mark));
        }
        let open = Marks::new(&net, &[]);
        assert!(open.is_of(&peer, &open.of(&peer)) && !Marks::new(&other, &[]).is_of(&peer, &open.of(&peer)));
    }

    #[test]
    fn while_a_secret_is_changed_the_one_who_knows_both_finds_the_others() {
        let net = NetworkId::derive("net");
        let peer = PeerId::from_bytes([7; 32]);
        let (old, both) = (Marks::new(&net, &[secret(1)]), Marks::new(&net, &[secret(2), secret(1)]));
        assert!(both.is_of(&peer, &old.of(&peer)));
        assert!(!old.is_of(&peer, &both.of(&peer)));
    }

    #[test]
    fn ld5_a_mark_shows_nothing_of_the_secret() {
        let net = NetworkId::derive("net");
        let marks = Marks::new(&net, &[secret(0xab)]);
        let shown = format!("{marks:?} {}", marks.of(&PeerId::from_bytes([7; 32])));
        assert!(!shown.contains("abab") && !shown.contains(&net.to_string()));
    }
}
