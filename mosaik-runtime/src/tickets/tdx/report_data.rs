//! What a quote is bound to.

use sha2::{Digest, Sha512};

use crate::{
    primitives::{NetworkId, PeerId},
    tickets::Nonce,
};

/// The 64 bytes that a guest puts into its report.
pub type ReportData = [u8; 64];

/// Separates these quotes from all others.
const DOMAIN: &[u8] = b"mosaik 1 tdx report data";
/// Separates answers to challenges from quotes in tickets.
const ANSWER: &[u8] = b"mosaik 1 tdx challenge";

/// Binds a quote to a network, a peer, and the second in which it was made. A quote of another peer, another network or another
/// time has other report data, and there is no way to change it afterwards.
pub fn report_data(network: &NetworkId, peer: &PeerId, epoch: u64) -> ReportData {
    bound(DOMAIN, network, peer, &epoch.to_be_bytes())
}

/// Binds a quote to a network, a peer, and the nonce of the node that asked for it. It is no quote of a ticket, and a quote of a ticket
/// is no answer.
pub fn answer_data(network: &NetworkId, peer: &PeerId, nonce: &Nonce) -> ReportData {
    bound(ANSWER, network, peer, nonce.as_bytes())
}

fn bound(domain: &[u8], network: &NetworkId, peer: &PeerId, to: &[u8]) -> ReportData {
    let mut hash = Sha512::new();
    hash.update([domain.len() as u8]);
    hash.update(domain);
    hash.update(network.as_bytes());
    hash.update(peer.as_bytes());
    hash.update(to);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::ids::hex;

    #[test]
    fn each_part_counts_and_the_bytes_are_a_promise() {
        let (network, peer) = (NetworkId::from_bytes([1; 32]), PeerId::from_bytes([2; 32]));
        let golden = report_data(&network, &peer, 3);
        assert_ne!(golden, report_data(&NetworkId::from_bytes([9; 32]), &peer, 3));
        assert_ne!(golden, report_data(&network, &PeerId::from_bytes([9; 32]), 3));
        assert_ne!(golden, report_data(&network, &peer, 4));
        assert_eq!(hex(&golden[..16]), "0b6255007895b1648a373ffcc8fcb68d");
        let answer = answer_data(&network, &peer, &Nonce::from_bytes([3; 32]));
        assert_ne!(answer, answer_data(&NetworkId::from_bytes([9; 32]), &peer, &Nonce::from_bytes([3; 32])));
        assert_ne!(answer, answer_data(&network, &PeerId::from_bytes([9; 32]), &Nonce::from_bytes([3; 32])));
        assert_ne!(answer, answer_data(&network, &peer, &Nonce::from_bytes([4; 32])));
        assert_eq!(hex(&answer[..16]), "2afc657dc195fc5fa015469df38260fe");
    }
}
