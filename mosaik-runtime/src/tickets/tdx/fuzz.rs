//! The fuzz target of quotes: tickets, answers to challenges, bare quotes and collateral.

use std::{sync::OnceLock, time::Duration};

use super::{
    Collateral, Measurement, Prover, Required, Root, Tdx, Variant, Variants, Verified,
    prover::trim,
    simulated::{Platform, Td},
    verify,
};
use crate::{
    primitives::{NetworkId, PeerId, Wall, fuzz::Target},
    tickets::{Class, Nonce, Shown, Ticket},
};

const PEER: PeerId = PeerId::from_bytes([1; 32]);
const NETWORK: &str = "dark";
const NONCE: Nonce = Nonce::from_bytes([3; 32]);
const SEED: u64 = 7;
/// When the simulated quotes are made.
const MADE: Wall = Wall(1_767_225_600_000);
/// Within the dates of the collateral of the recorded quote.
const RECORDED: Wall = Wall(1_750_400_000_000);

/// A recorded quote of a real machine, its collateral, what it takes to pass, and what it says.
struct Real {
    quote: Vec<u8>,
    collateral: Vec<Collateral>,
    required: Required,
    says: Verified,
}

fn real() -> &'static Real {
    static REAL: OnceLock<Real> = OnceLock::new();
    REAL.get_or_init(|| {
        let mut quote = include_bytes!("testdata/tdx_quote").to_vec();
        trim(&mut quote);
        let json = include_bytes!("testdata/tdx_quote_collateral.json");
        let collateral = vec![Collateral::from_json(json).expect("recorded")];
        let parsed = dcap_qvl::quote::Quote::parse(&quote).expect("recorded");
        let mrtd = Measurement(parsed.report.as_td10().expect("of TDX").mr_td);
        let variants = Variants::new([Variant::new("recorded", mrtd)]).expect("one");
        let required = Required::new(variants);
        let says = verify(&quote, &collateral, &required, RECORDED).expect("a real quote");
        Real { quote, collateral, required, says }
    })
}

fn tdx() -> &'static Tdx {
    static TDX: OnceLock<Tdx> = OnceLock::new();
    TDX.get_or_init(|| {
        let variants = Variants::new([Td::image("matcher").variant("matcher")]).expect("one");
        let required =
            Required::new(variants).root(Root::Simulated(SEED)).challenged(Duration::from_secs(600));
        Tdx::new("Image", required)
    })
}

fn prover() -> Prover {
    let platform = Platform::new(SEED, Td::image("matcher")).expect("a platform");
    let collateral = platform.collateral(MADE, Duration::from_secs(30 * 24 * 3600)).expect("collateral");
    Prover::new(platform, NetworkId::derive(NETWORK), PEER).with_collateral(collateral)
}

/// Quotes: what passes says what was quoted.
pub(crate) const QUOTES: Target = Target {
    name: "quotes",
    run: |bytes| {
        let real = real();
        if let Ok(said) = verify(bytes, &real.collateral, &real.required, RECORDED) {
            assert_eq!(said, real.says);
        }
        let _ = Collateral::from_json(bytes);
        let Ok(ticket) = Ticket::new(Class::tdx(), bytes.to_vec()) else { return };
        let shown = Shown { ticket: &ticket, peer: PEER, network: NETWORK, now: MADE };
        let (as_ticket, as_answer) = (tdx().check(shown), tdx().check_answer(shown, &NONCE));
        assert!(as_ticket.is_err() || as_answer.is_err(), "a ticket is no answer");
        let elsewhere = Shown { peer: PeerId::from_bytes([2; 32]), ..shown };
        assert!(tdx().check(elsewhere).is_err() && tdx().check_answer(elsewhere, &NONCE).is_err());
        assert!(tdx().check_answer(shown, &Nonce::from_bytes([4; 32])).is_err(), "another challenge");
        assert_eq!(as_ticket.is_ok(), tdx().report(shown).iter().all(|(_, found)| found.is_ok()));
    },
    seeds: || {
        let (prover, real) = (prover(), real());
        let of = |ticket: Ticket| ticket.bytes().to_vec();
        vec![
            of(prover.prove(MADE).expect("a ticket")),
            of(prover.answer(&NONCE).expect("an answer")),
            real.quote.clone(),
            real.collateral[0].to_json().to_vec(),
        ]
    },
};
