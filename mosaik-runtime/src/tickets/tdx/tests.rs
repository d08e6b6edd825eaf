//! Recorded quotes, a simulated platform, and every way to cheat.

use std::{fs, time::Duration};

use proptest::prelude::*;

use super::{
    prover::trim,
    simulated::{Platform, Td},
    validator::{TicketFrame, TicketV1},
    *,
};
use crate::{
    primitives::{NetworkId, PeerId, Wall, codec},
    tickets::{Class, Denial, Nonce, Shown, Ticket, Valid, Validator, Verdict},
};

const DAY: Duration = Duration::from_secs(24 * 3600);
const PEER: PeerId = PeerId::from_bytes([1; 32]);
const NETWORK: &str = "dark";
/// When the simulated platform's quotes are made, in seconds.
const MADE: u64 = 1_767_225_600;

fn at(seconds: u64) -> Wall {
    Wall(seconds * 1000)
}

/// A recorded quote, its collateral, and a second within the collateral's dates.
struct Recorded {
    quote: Vec<u8>,
    collateral: Collateral,
    now: Wall,
}

fn recorded(quote: &[u8], collateral: &[u8], now: u64) -> Recorded {
    let collateral = Collateral::from_json(collateral).expect("collateral");
    let mut quote = quote.to_vec();
    trim(&mut quote);
    Recorded { quote, collateral, now: at(now) }
}

/// TDX 1.0, quote version 4, of June 2025.
fn v4() -> Recorded {
    let json = include_bytes!("testdata/tdx_quote_collateral.json");
    recorded(include_bytes!("testdata/tdx_quote"), json, 1_750_400_000)
}

/// A platform that was out of date in February 2026.
fn outdated() -> Recorded {
    let json = include_bytes!("testdata/tdx_quote_outdated_collateral.json");
    recorded(include_bytes!("testdata/tdx_quote_outdated"), json, 1_772_000_000)
}

/// TDX 1.5 with its extension, quote version 5, of October 2026.
fn v5() -> Recorded {
    let json = include_bytes!("testdata/tdx_quote_td15ex_collateral.json");
    recorded(include_bytes!("testdata/tdx_quote_td15ex"), json, 1_791_500_000)
}

/// What a quote says its image is, so that it is accepted.
fn its_own(quote: &[u8]) -> Variants {
    let parsed = dcap_qvl::quote::Quote::parse(quote).expect("a quote");
    let td = parsed.report.as_td10().expect("of TDX");
    let rtmr = [td.rt_mr0, td.rt_mr1, td.rt_mr2, td.rt_mr3].map(|bytes| Some(Measurement(bytes)));
    let mrconfigid = Some(Measurement(td.mr_config_id));
    let variant = Variant { rtmr, mrconfigid, ..Variant::new("recorded", Measurement(td.mr_td)) };
    Variants::new([variant]).expect("one")
}

fn check_recorded(it: &Recorded, required: &Required, now: Wall) -> Result<Verified, Denial> {
    verify(&it.quote, &vec![it.collateral.clone()], required, now)
}

#[test]
fn recorded_quotes_verify_and_fail_when_out_of_date() {
    for it in [v4(), v5()] {
        let required = Required::new(its_own(&it.quote));
        let verified = check_recorded(&it, &required, it.now).expect("a real quote");
        assert_eq!(verified.variant, "recorded");
        assert!(verified.until > it.now && verified.until < Wall(it.now.0 + 31 * DAY.as_millis() as u64));
        assert!(check_recorded(&it, &required, Wall(verified.until.0 - 1000)).is_ok());
        for late in [verified.until, Wall(verified.until.0 + 1000), at(4_000_000_000)] {
            let denial = check_recorded(&it, &required, late).expect_err("the collateral is over");
            assert_eq!(denial.code(), "unavailable", "{denial}");
        }
        let early = check_recorded(&it, &required, at(1_600_000_000)).expect_err("not yet");
        assert!(matches!(early, Denial::Unavailable { .. } | Denial::Untrusted { .. }), "{early}");
    }
}

#[test]
fn h10_a_platform_below_every_level_is_refused_whatever_is_accepted() {
    let it = outdated();
    let required = Required::new(its_own(&it.quote));
    let accepting =
        required.clone().accept(TcbStatus::OutOfDate).accept(TcbStatus::OutOfDateConfigurationNeeded);
    for required in [required, accepting] {
        let denial = check_recorded(&it, &required, it.now).expect_err("out of date");
        assert_eq!(denial.code(), "unmet", "{denial}");
        assert!(denial.to_string().contains("No matching TCB level"), "{denial}");
    }
}

#[test]
fn recorded_quotes_are_of_intel_and_of_nobody_else() {
    let it = v4();
    let required = Required::new(its_own(&it.quote)).root(Root::Simulated(1));
    let denial = check_recorded(&it, &required, it.now).expect_err("another root");
    assert_eq!(denial.code(), "untrusted", "{denial}");
}

#[test]
fn h10_trailing_bytes_and_other_technologies_are_refused() {
    let it = v4();
    let required = Required::new(its_own(&it.quote));
    let raw = include_bytes!("testdata/tdx_quote");
    assert!(raw.len() > it.quote.len(), "the recording ends in bytes that mean nothing");
    let source = vec![it.collateral.clone()];
    let denial = verify(raw, &source, &required, it.now).expect_err("trailing bytes");
    assert_eq!(denial.code(), "malformed", "{denial}");
    for extra in [&[0][..], b"x", &[0; 70]] {
        let longer = [&it.quote[..], extra].concat();
        assert_eq!(verify(&longer, &source, &required, it.now).expect_err("longer").code(), "malformed");
    }
    let sgx = include_bytes!("testdata/sgx_quote");
    assert_eq!(verify(sgx, &source, &required, it.now).expect_err("SGX").code(), "malformed");
    assert_eq!(verify(&[0; 20_000], &source, &required, it.now).expect_err("large").code(), "malformed");
}

#[test]
fn without_collateral_for_the_platform_nothing_is_verified() {
    let it = v4();
    let required = Required::new(its_own(&it.quote));
    let denial = verify(&it.quote, &vec![outdated().collateral], &required, it.now).expect_err("none fits");
    assert_eq!(denial.code(), "unavailable");
    assert!(denial.to_string().contains("b0c06f000000"), "{denial}");
    let both = vec![outdated().collateral, v5().collateral, it.collateral];
    assert!(verify(&it.quote, &both, &required, it.now).is_ok(), "the one that is in date is found");
}

fn platform(td: Td) -> Platform {
    Platform::new(7, td).expect("a platform")
}

fn image() -> Td {
    Td::image("matcher")
}

fn required() -> Required {
    let variants = Variants::new([image().variant("release 7")]).expect("one");
    Required::new(variants).root(Root::Simulated(7))
}

fn prove(platform: Platform, peer: PeerId, network: &str) -> Ticket {
    let collateral = platform.collateral(at(MADE), 30 * DAY).expect("collateral");
    let prover = Prover::new(platform, NetworkId::derive(network), peer).with_collateral(collateral);
    prover.prove(at(MADE)).expect("a ticket")
}

fn check(tdx: &Tdx, ticket: &Ticket, now: Wall) -> Verdict {
    tdx.check(Shown { ticket, peer: PEER, network: NETWORK, now })
}

#[test]
fn a_simulated_platform_proves_its_image_end_to_end() {
    let ticket = prove(platform(image()), PEER, NETWORK);
    let tdx = Tdx::new("MatcherImage", required());
    assert_eq!(check(&tdx, &ticket, at(MADE)), Ok(Valid { until: at(MADE + DAY.as_secs()) }));
    let month = Tdx::new("MatcherImage", required().max_age(90 * DAY));
    let until = at(MADE + 30 * DAY.as_secs());
    assert_eq!(check(&month, &ticket, at(MADE)), Ok(Valid { until }), "the collateral ends it first");
    assert!(ticket.bytes().len() < crate::tickets::MAX_TICKET / 2, "{} bytes", ticket.bytes().len());
}

#[test]
fn h10_nobody_trusts_a_simulated_platform_by_default() {
    let ticket = prove(platform(image()), PEER, NETWORK);
    for root in [Root::Intel, Root::Simulated(8)] {
        let denial = check(&Tdx::new("M", required().root(root)), &ticket, at(MADE)).expect_err("no root");
        assert_eq!(denial.code(), "untrusted", "{denial}");
    }
}

#[test]
fn h10_other_peers_networks_and_times_are_refused() {
    let tdx = Tdx::new("M", required());
    let of = |peer, network| prove(platform(image()), peer, network);
    assert_eq!(check(&tdx, &of(PeerId::from_bytes([2; 32]), NETWORK), at(MADE)), Err(Denial::OtherPeer));
    assert_eq!(check(&tdx, &of(PEER, "light"), at(MADE)), Err(Denial::OtherPeer), "of another network");
    let ticket = of(PEER, NETWORK);
    let over = check(&tdx, &ticket, at(MADE + DAY.as_secs()));
    assert_eq!(over, Err(Denial::Expired { ago: Duration::ZERO }), "replayed");
    assert!(check(&tdx, &ticket, at(MADE - 60)).is_err(), "the collateral is of later");
    assert_eq!(check(&tdx, &ticket, at(MADE - 61)).expect_err("too early").code(), "not_yet");
    // A replayed quote with a newer time on it.
    let Ok(TicketFrame::V1(frame)) = codec::decode(ticket.bytes()) else { panic!("a ticket") };
    let newer = TicketFrame::V1(TicketV1 { epoch: frame.epoch + 3600, ..frame });
    let newer = Ticket::new(Class::tdx(), codec::encode(&newer).expect("encodes")).expect("fits");
    assert_eq!(check(&tdx, &newer, at(MADE + 3600)), Err(Denial::OtherPeer));
}

#[test]
fn h10_an_answer_is_bound_to_its_challenge_and_no_ticket_and_a_ticket_is_no_answer() {
    let counts = Duration::from_secs(600);
    let tdx = Tdx::new("M", required().challenged(counts));
    assert_eq!(tdx.challenge(), Some(counts));
    let (nonce, other) = (Nonce::from_bytes([3; 32]), Nonce::from_bytes([4; 32]));
    let of = |platform: Platform, peer, network: &str| {
        let collateral = platform.collateral(at(MADE), 30 * DAY).expect("collateral");
        Prover::new(platform, NetworkId::derive(network), peer).with_collateral(collateral)
    };
    let answer = |prover: Prover| prover.answer(&nonce).expect("an answer");
    let judge = |ticket: &Ticket, nonce: &Nonce| {
        tdx.check_answer(Shown { ticket, peer: PEER, network: NETWORK, now: at(MADE) }, nonce)
    };
    let good = answer(of(platform(image()), PEER, NETWORK));
    assert_eq!(judge(&good, &nonce), Ok(Valid { until: at(MADE + 600) }));
    let refused = |ticket: &Ticket, nonce: &Nonce, code| {
        assert_eq!(judge(ticket, nonce).expect_err("refused").code(), code);
    };
    refused(&good, &other, "unmet");
    refused(&answer(of(platform(image()), PeerId::from_bytes([2; 32]), NETWORK)), &nonce, "unmet");
    refused(&answer(of(platform(image()), PEER, "light")), &nonce, "unmet");
    refused(&answer(of(platform(Td::image("other")), PEER, NETWORK)), &nonce, "unmet");
    refused(&answer(of(Platform::new(8, image()).expect("a platform"), PEER, NETWORK)), &nonce, "untrusted");
    refused(&prove(platform(image()), PEER, NETWORK), &nonce, "malformed");
    assert_eq!(check(&tdx, &good, at(MADE)).expect_err("no ticket").code(), "malformed");
    // Bytes that were an answer say nothing under the name of a ticket either.
    let Ok(TicketFrame::Answer(said)) = codec::decode(good.bytes()) else { panic!("an answer") };
    let disguised = TicketFrame::V1(TicketV1 { epoch: MADE, quote: said.quote, collateral: said.collateral });
    let disguised = Ticket::new(Class::tdx(), codec::encode(&disguised).expect("encodes")).expect("fits");
    assert_eq!(check(&tdx, &disguised, at(MADE)), Err(Denial::OtherPeer));
}

#[test]
fn h10_debug_revoked_outdated_and_other_images_are_refused() {
    let tdx = || Tdx::new("M", required());
    let refused = |platform: Platform, tdx: &Tdx, code, says: &str| {
        let denial = check(tdx, &prove(platform, PEER, NETWORK), at(MADE)).expect_err(says);
        assert_eq!(denial.code(), code, "{denial}");
        assert!(denial.to_string().contains(says), "{denial}");
    };
    let with = |attributes| Td { attributes, ..image() };
    refused(platform(with([1, 0, 0, 0x10, 0, 0, 0, 0])), &tdx(), "unmet", "Debug");
    refused(platform(with([0, 0, 0, 0x30, 0, 0, 0, 0])), &tdx(), "unmet", "migration");
    refused(platform(with([0, 0, 0, 0, 0, 0, 0, 0])), &tdx(), "unmet", "SEPT_VE_DISABLE");
    refused(platform(image()).revoked(true), &tdx(), "revoked", "revoked");
    refused(platform(image()).status(TcbStatus::Revoked), &tdx(), "revoked", "revoked");
    refused(platform(image()).status(TcbStatus::OutOfDate), &tdx(), "unmet", "OutOfDate");
    refused(platform(Td::image("other")), &tdx(), "unmet", "MRTD is not that of `release 7`");
    let kernel = Td { rtmr: [Measurement([9; 48]); 4], ..image() };
    refused(platform(kernel), &tdx(), "unmet", "RTMR0");
    let configured = Td { mrconfigid: Measurement([9; 48]), ..image() };
    refused(platform(configured), &tdx(), "unmet", "MRCONFIGID");
    let firmware = Tdx::new("M", required().firmware(Measurement([9; 48])));
    refused(platform(image()), &firmware, "unmet", "its MRTD is not the firmware");
    let declared = Tdx::new("M", required().firmware(image().mrtd));
    assert!(check(&declared, &prove(platform(image()), PEER, NETWORK), at(MADE)).is_ok());
    let strict = Tdx::new("M", required().attributes([0, 0, 0, 0x50, 0, 0, 0, 0]));
    refused(platform(image()), &strict, "unmet", "TD attributes");
    let newer = Tdx::new("M", required().least_evaluation(2));
    refused(platform(image()), &newer, "unmet", "eval data number");
    let accepting = Tdx::new("M", required().accept(TcbStatus::OutOfDate));
    let old = prove(platform(image()).status(TcbStatus::OutOfDate), PEER, NETWORK);
    assert!(check(&accepting, &old, at(MADE)).is_ok());
}

#[test]
fn own_collateral_comes_before_what_a_peer_shows() {
    let ticket = prove(platform(image()), PEER, NETWORK);
    let own = platform(image()).revoked(true).collateral(at(MADE), DAY).expect("collateral");
    let strict = Tdx::new("M", required()).collateral(vec![own]);
    assert_eq!(check(&strict, &ticket, at(MADE)), Err(Denial::Revoked));
    let alone = Tdx::new("M", required()).takes_shown_collateral(false);
    assert_eq!(check(&alone, &ticket, at(MADE)).expect_err("none").code(), "unavailable");
}

#[test]
fn h10_what_newer_collateral_says_against_a_platform_is_not_outweighed() {
    let ticket = prove(platform(image()), PEER, NETWORK);
    let good = platform(image()).collateral(at(MADE - 3600), 7 * DAY).expect("collateral");
    let old_alone = Tdx::new("M", required()).collateral(vec![good.clone()]);
    assert!(check(&old_alone, &ticket, at(MADE)).is_ok());
    let revoked = platform(image()).revoked(true).collateral(at(MADE), DAY).expect("collateral");
    let outdated =
        platform(image()).status(TcbStatus::OutOfDate).collateral(at(MADE), DAY).expect("collateral");
    for (newer, code) in [(revoked, "revoked"), (outdated, "unmet")] {
        let both = Tdx::new("M", required()).collateral(vec![good.clone(), newer]);
        assert_eq!(check(&both, &ticket, at(MADE)).expect_err("the newer counts").code(), code);
    }
    let over = platform(image())
        .revoked(true)
        .collateral(at(MADE - 60), Duration::from_secs(30))
        .expect("collateral");
    let expired = Tdx::new("M", required()).collateral(vec![good, over]);
    assert!(check(&expired, &ticket, at(MADE)).is_ok(), "what is out of date says nothing");
}

#[test]
fn a_directory_of_collateral_is_read_again_when_a_file_changes() {
    let directory = std::env::temp_dir().join(format!("mosaik-collateral-again-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("made");
    let source = std::sync::Arc::new(CollateralDirectory::read(&directory).expect("read"));
    let tdx = Tdx::new("M", required()).collateral(source.clone()).takes_shown_collateral(false);
    let ticket = prove(platform(image()), PEER, NETWORK);
    let before = Validator::generation(&tdx);
    assert!(check(&tdx, &ticket, at(MADE)).is_err(), "there is none yet");
    tdx.refresh().expect("read");
    assert_eq!(tdx.generation(), before, "nothing changed");
    let made = platform(image()).collateral(at(MADE), DAY).expect("collateral");
    fs::write(directory.join("good.json"), made.to_json()).expect("written");
    tdx.refresh().expect("read");
    assert_ne!(tdx.generation(), before);
    assert!(check(&tdx, &ticket, at(MADE)).is_ok());
    fs::remove_dir_all(&directory).expect("removed");
    assert!(tdx.refresh().is_err() && check(&tdx, &ticket, at(MADE)).is_ok(), "what there was stays");
}

#[test]
fn a_file_of_measurements_is_read_again_and_one_that_others_may_change_changes_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("mosaik-measurements-{}", std::process::id()));
    let write = |td: &Td, mode| {
        let fresh = path.with_extension("new");
        let variants = Variants::new([td.variant("release")]).expect("one");
        fs::write(&fresh, variants.to_string()).expect("written");
        fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).expect("changed");
        fs::rename(fresh, &path).expect("renamed");
    };
    let tdx = || Tdx::new("M", required()).measured_by(MeasurementsFile::new(&path));
    write(&image(), 0o666);
    let told = tdx().expect_err("too open").to_string();
    assert!(told.contains(&format!("chmod go-w {}", path.display())), "{told}");
    write(&image(), 0o644);
    let tdx = tdx().expect("read");
    let (ticket, other) =
        (prove(platform(image()), PEER, NETWORK), prove(platform(Td::image("8")), PEER, NETWORK));
    let good = |ticket: &Ticket| check(&tdx, ticket, at(MADE)).is_ok();
    assert!(good(&ticket) && !good(&other));
    let before = tdx.generation();
    tdx.refresh().expect("read");
    assert_eq!(tdx.generation(), before, "it is as it was");
    write(&Td::image("8"), 0o666);
    assert!(tdx.refresh().expect_err("too open").contains("chmod go-w") && good(&ticket) && !good(&other));
    write(&Td::image("8"), 0o644);
    tdx.refresh().expect("read");
    assert!(tdx.generation() != before && !good(&ticket) && good(&other), "the next release");
    fs::write(&path, "[half").expect("written");
    assert!(tdx.refresh().is_err() && good(&other), "what cannot be read changes nothing");
    fs::remove_file(&path).expect("removed");
}

#[test]
fn collateral_comes_from_a_directory_and_what_is_bad_in_it_is_told() {
    let directory = std::env::temp_dir().join(format!("mosaik-collateral-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("made");
    let made = platform(image()).collateral(at(MADE), DAY).expect("collateral");
    fs::write(directory.join("good.json"), made.to_json()).expect("written");
    fs::write(directory.join("huge.json"), vec![b' '; 100_000]).expect("written");
    fs::write(directory.join("half.json"), &made.to_json()[..100]).expect("written");
    fs::write(directory.join("notes.txt"), "nothing").expect("written");
    fs::create_dir(directory.join("sub.json")).expect("made");
    let source = CollateralDirectory::read(&directory).expect("read");
    assert_eq!(source.bad().len(), 3, "{:?}", source.bad());
    assert_eq!(source.find(made.fmspc()), [made]);
    let tdx = Tdx::new("M", required()).collateral(source).takes_shown_collateral(false);
    assert!(check(&tdx, &prove(platform(image()), PEER, NETWORK), at(MADE)).is_ok());
    fs::remove_dir_all(&directory).expect("removed");
    assert!(matches!(CollateralDirectory::read(&directory), Err(CollateralError::File { .. })));
}

/// Changes of one byte, at every `step`th place of a recorded quote or of a ticket.
fn mutations(bytes: &[u8], change: u8, step: usize, mut look: impl FnMut(Vec<u8>)) -> usize {
    for at in (0..bytes.len()).step_by(step) {
        let mut changed = bytes.to_vec();
        changed[at] ^= change;
        look(changed);
    }
    bytes.len() / step
}

#[test]
fn h10_every_changed_byte_of_a_recorded_quote_is_refused_or_says_the_same() {
    let mut looked = 0;
    for it in [v4(), v5()] {
        let required = Required::new(its_own(&it.quote));
        let said = check_recorded(&it, &required, it.now).expect("a real quote");
        let source = vec![it.collateral.clone()];
        looked += mutations(&it.quote, 1, 1, |changed| {
            if let Ok(verified) = verify(&changed, &source, &required, it.now) {
                assert_eq!(verified, said);
            }
        });
    }
    assert!(looked >= 10_000, "{looked}");
}

#[test]
fn h10_changed_bytes_of_a_simulated_ticket_are_refused_or_say_the_same() {
    let tdx = Tdx::new("M", required());
    let ticket = prove(platform(image()), PEER, NETWORK);
    let said = check(&tdx, &ticket, at(MADE));
    let bytes = ticket.bytes().to_vec();
    mutations(&bytes, 2, 11, |changed| {
        let changed = Ticket::new(Class::tdx(), changed).expect("fits");
        let verdict = check(&tdx, &changed, at(MADE));
        assert!(verdict.is_err() || verdict == said, "{verdict:?}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>()) {
        let it = v4();
        let required = Required::new(its_own(&it.quote));
        let place = at.index(it.quote.len());
        let changed = [&it.quote[..place], &bytes[..]].concat();
        let source = vec![it.collateral.clone()];
        let said = check_recorded(&it, &required, it.now);
        let verified = verify(&changed, &source, &required, it.now);
        prop_assert!(verified.is_err() || verified == said);
        let _ = Collateral::from_json(&bytes);
        if let Ok(ticket) = Ticket::new(Class::tdx(), bytes) {
            prop_assert!(check(&Tdx::new("M", Required::new(its_own(&it.quote))), &ticket, it.now).is_err());
        }
    }
}
