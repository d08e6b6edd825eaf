//! One quote, verified in full.

use dcap_qvl::{
    Policy, QuotePolicy,
    quote::{Quote, Report},
    verify::QuoteVerifier,
};
use parity_scale_codec::{Decode, Encode};

use super::{
    Collateral, CollateralSource, Measurement, ReportData, Required, Variant, measurements::Measured,
    prover::trim,
};
use crate::{primitives::Wall, tickets::Denial};

/// The largest quote, in bytes.
const MAX_QUOTE: usize = 16 * 1024;
/// How many sets of collateral are tried for one quote.
const MAX_TRIES: usize = 4;

/// What a verified quote says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The variant that it is.
    pub variant: String,
    /// What the guest put into its report.
    pub report_data: ReportData,
    /// Until when the collateral says so.
    pub until: Wall,
}

/// Verifies a quote: that a genuine platform made it, that the platform's status is accepted, and that the image is one of those
/// that are required. Whether it was made for this peer and lately, [`Tdx`](super::Tdx) decides.
pub fn verify(
    quote: &[u8],
    collateral: &dyn CollateralSource,
    required: &Required,
    now: Wall,
) -> Result<Verified, Denial> {
    let parsed = parse(quote)?;
    let fmspc = dcap_qvl::intel::quote_fmspc(&parsed).map(|bytes| crate::primitives::ids::hex(&bytes));
    let fmspc = fmspc.map_err(|_| malformed("its certificate names no platform"))?;
    let found = collateral.find(&fmspc);
    let mut denial = Denial::Unavailable {
        why: format!(
            "there is no collateral for platforms of kind {fmspc}: fetch it, and put it where the verifier looks"
        ),
    };
    for (at, collateral) in found.iter().take(MAX_TRIES).enumerate() {
        match verify_with(quote, &parsed, collateral, required, now) {
            Ok(verified) => return Ok(verified),
            // What Intel says against a platform is not outweighed by what it said before.
            Err(error @ (Denial::Revoked | Denial::Unmet { .. })) => return Err(error),
            // The best collateral's answer is the one that is told.
            Err(error) if at == 0 => denial = error,
            Err(_) => {}
        }
    }
    Err(denial)
}

/// Reads a quote. Every byte must mean something: what would be ignored is refused.
fn parse(bytes: &[u8]) -> Result<Quote, Denial> {
    if bytes.len() > MAX_QUOTE {
        return Err(malformed("the quote is larger than any"));
    }
    let quote = Quote::decode(&mut &*bytes).map_err(|_| malformed("the quote is not one"))?;
    if quote.encode() != bytes {
        return Err(malformed("the quote holds bytes that mean nothing, or ends in some"));
    }
    if quote.report.as_td10().is_none() {
        return Err(malformed("the quote is one of SGX, not of TDX"));
    }
    Ok(quote)
}

/// The image that a quote says it is of, every measurement of it. Nothing is verified: it is the word of whoever made the quote.
///
/// # Errors
///
/// When it is no quote of TDX.
pub fn measure(quote: &[u8], name: &str) -> Result<Variant, Denial> {
    let mut quote = quote.to_vec();
    trim(&mut quote);
    let (measured, _) = measured(&parse(&quote)?.report)?;
    let Measured { mrtd, rtmr, mrconfigid, .. } = measured;
    Ok(Variant { rtmr: rtmr.map(Some), mrconfigid: Some(mrconfigid), ..Variant::new(name, mrtd) })
}

fn verify_with(
    bytes: &[u8],
    quote: &Quote,
    collateral: &Collateral,
    required: &Required,
    now: Wall,
) -> Result<Verified, Denial> {
    let seconds = now.0 / 1000;
    let verifier = QuoteVerifier::new(required.root.certificate());
    // The policy is asked after the quote was verified, so that the two kinds of refusal are told apart.
    let later = QuotePolicy::claims_only(seconds);
    let claims = verifier
        .verify_with_policy(bytes, collateral.parsed().clone(), seconds, &later)
        .map_err(|error| denial(&format!("{error:#}")))?;
    if claims.report != quote.report {
        return Err(malformed("the quote reads two ways"));
    }
    let (measured, report_data) = measured(&claims.report)?;
    let until = Wall(claims.earliest_expiration_date.saturating_mul(1000));
    if until <= now {
        return Err(Denial::Unavailable { why: "the collateral expired: fetch it again".to_owned() });
    }
    required.policy(seconds).validate(&claims).map_err(|error| unmet(&shown(&error.to_string())))?;
    if required.attributes.is_some_and(|wanted| wanted != measured.attributes) {
        return Err(unmet("its TD attributes are others"));
    }
    if required.firmware.is_some_and(|mrtd| mrtd != measured.mrtd) {
        return Err(unmet("its MRTD is not the firmware that is declared"));
    }
    let variant = required.variants.find(&measured).map_err(|why| unmet(&why))?;
    Ok(Verified { variant: variant.name.clone(), report_data, until })
}

fn measured(report: &Report) -> Result<(Measured, ReportData), Denial> {
    let td = report.as_td10().ok_or_else(|| malformed("the quote is not one of TDX"))?;
    let measured = Measured {
        mrtd: Measurement(td.mr_td),
        rtmr: [td.rt_mr0, td.rt_mr1, td.rt_mr2, td.rt_mr3].map(Measurement),
        mrconfigid: Measurement(td.mr_config_id),
        attributes: td.td_attributes,
    };
    Ok((measured, td.report_data))
}

/// What the verifier of quotes says, in the words of tickets.
fn denial(text: &str) -> Denial {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let why = shown(text);
    if has(&["evoked"]) {
        Denial::Revoked
    } else if has(&[
        "No matching TCB level",
        "Debug mode",
        "profiling",
        "migration",
        "SERVTD",
        "service TD",
        "SEPT_VE",
        "Reserved bits",
    ]) {
        unmet(&why)
    } else if has(&["expired", "Expired", "in the future", "NotValidYet"]) {
        Denial::Unavailable { why: format!("the collateral is out of date, fetch it again: {why}") }
    } else {
        Denial::Untrusted { why }
    }
}

fn malformed(why: &str) -> Denial {
    Denial::Malformed { why: why.to_owned() }
}

fn unmet(why: &str) -> Denial {
    Denial::Unmet { why: why.to_owned() }
}

/// A text that a ticket had a part in: one line of bounded length.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
