//! Which images are accepted: measurements by name, as the verifier's data.

use std::{fmt, str::FromStr};

use crate::primitives::ids::{from_hex, hex};

/// A measurement of a trust domain: 48 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Measurement(pub [u8; 48]);

impl FromStr for Measurement {
    type Err = MeasurementsError;

    fn from_str(text: &str) -> Result<Self, MeasurementsError> {
        from_hex(text).map(Self).ok_or(MeasurementsError::Hex { digits: text.len() })
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measurement({}…)", hex(&self.0[..5]))
    }
}

/// One image that is accepted. What is `None` may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What people call it.
    pub name: String,
    /// The initial contents of the trust domain: firmware.
    pub mrtd: Measurement,
    /// What was measured while it ran: by convention firmware's configuration, kernel, initial disk and application.
    pub rtmr: [Option<Measurement>; 4],
    /// What its owner configured.
    pub mrconfigid: Option<Measurement>,
}

impl Variant {
    /// An image with this firmware, and anything else.
    pub fn new(name: impl Into<String>, mrtd: Measurement) -> Self {
        Self { name: name.into(), mrtd, rtmr: [None; 4], mrconfigid: None }
    }

    /// What of a trust domain is not as this variant wants it; `None` when it fits.
    pub(super) fn differs(&self, td: &Measured) -> Option<&'static str> {
        const RTMR: [&str; 4] = ["RTMR0", "RTMR1", "RTMR2", "RTMR3"];
        let other = |wanted: Option<Measurement>, found: Measurement| wanted.is_some_and(|it| it != found);
        if self.mrtd != td.mrtd {
            return Some("MRTD");
        }
        if let Some(at) = (0..4).find(|at| other(self.rtmr[*at], td.rtmr[*at])) {
            return Some(RTMR[at]);
        }
        other(self.mrconfigid, td.mrconfigid).then_some("MRCONFIGID")
    }
}

/// What a quote says of its trust domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    /// The initial contents.
    pub(super) mrtd: Measurement,
    /// What was measured while it ran.
    pub(super) rtmr: [Measurement; 4],
    /// What its owner configured.
    pub(super) mrconfigid: Measurement,
    /// Its attributes, as the processor reports them.
    pub(super) attributes: [u8; 8],
}

/// The images that are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variants(Vec<Variant>);

/// The most variants in a file.
const MAX_VARIANTS: usize = 256;

/// Measurements cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeasurementsError {
    /// Not a measurement.
    #[error(
        "a measurement is 96 hex digits and this has {digits} characters: copy all of what `mosaik tdx measure` wrote"
    )]
    Hex {
        /// How many there are.
        digits: usize,
    },
    /// A line that says nothing.
    #[error(
        "line {line}: {why}: a line is `[name]`, `mrtd = HEX`, `rtmr0 = HEX` to `rtmr3`, `mrconfigid = HEX`, or a comment after `#`"
    )]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A variant without the measurement that matters most.
    #[error("the variant `{name}` has no `mrtd`: add it, or anything could run")]
    NoMrtd {
        /// The variant.
        name: String,
    },
    /// Nothing would be accepted.
    #[error("there is no variant: write at least one, `[name]` and `mrtd = HEX`")]
    Empty,
    /// Too many.
    #[error("there are over {MAX_VARIANTS} variants: take out those that are over")]
    TooMany,
}

impl Variants {
    /// These images, at least one.
    pub fn new(variants: impl IntoIterator<Item = Variant>) -> Result<Self, MeasurementsError> {
        let variants: Vec<Variant> = variants.into_iter().collect();
        match variants.len() {
            0 => Err(MeasurementsError::Empty),
            1..=MAX_VARIANTS => Ok(Self(variants)),
            _ => Err(MeasurementsError::TooMany),
        }
    }

    /// The variant that a trust domain is, or what differs from the one that is closest.
    pub(super) fn find(&self, td: &Measured) -> Result<&Variant, String> {
        let mut closest: Option<(&Variant, &'static str)> = None;
        for variant in &self.0 {
            match variant.differs(td) {
                None => return Ok(variant),
                Some(what) if closest.is_none_or(|(_, before)| before == "MRTD") => {
                    closest = Some((variant, what));
                }
                Some(_) => {}
            }
        }
        Err(closest.map_or_else(String::new, |(variant, what)| {
            format!("its {what} is not that of `{}`", variant.name)
        }))
    }
}

impl FromStr for Variants {
    type Err = MeasurementsError;

    fn from_str(text: &str) -> Result<Self, MeasurementsError> {
        let mut done = Vec::new();
        let mut open: Option<Open> = None;
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.split('#').next().unwrap_or_default().trim();
            let wrong = |why: &str| MeasurementsError::Line { line, why: why.to_owned() };
            if content.is_empty() {
                continue;
            }
            if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                done.extend(open.take().map(Open::close).transpose()?);
                open = Some(Open { name: name.trim().to_owned(), ..Open::default() });
                continue;
            }
            let (key, value) = content.split_once('=').ok_or_else(|| wrong("it has no `=`"))?;
            let value: Measurement =
                value.trim().parse().map_err(|error: MeasurementsError| wrong(&error.to_string()))?;
            let variant = open.as_mut().ok_or_else(|| wrong("it stands before the first `[name]`"))?;
            let slot = variant.slot(key.trim()).ok_or_else(|| wrong("its name is unknown"))?;
            if slot.replace(value).is_some() {
                return Err(wrong("it comes twice"));
            }
        }
        done.extend(open.map(Open::close).transpose()?);
        Self::new(done)
    }
}

/// A variant that is being read.
#[derive(Default)]
struct Open {
    name: String,
    mrtd: Option<Measurement>,
    rtmr: [Option<Measurement>; 4],
    mrconfigid: Option<Measurement>,
}

impl Open {
    fn slot(&mut self, key: &str) -> Option<&mut Option<Measurement>> {
        match key {
            "mrtd" => Some(&mut self.mrtd),
            "rtmr0" => Some(&mut self.rtmr[0]),
            "rtmr1" => Some(&mut self.rtmr[1]),
            "rtmr2" => Some(&mut self.rtmr[2]),
            "rtmr3" => Some(&mut self.rtmr[3]),
            "mrconfigid" => Some(&mut self.mrconfigid),
            _ => None,
        }
    }

    fn close(self) -> Result<Variant, MeasurementsError> {
        let Self { name, mrtd, rtmr, mrconfigid } = self;
        match mrtd {
            Some(mrtd) => Ok(Variant { name, mrtd, rtmr, mrconfigid }),
            None => Err(MeasurementsError::NoMrtd { name }),
        }
    }
}

impl fmt::Display for Variants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for variant in &self.0 {
            writeln!(f, "[{}]\nmrtd = {}", variant.name, variant.mrtd)?;
            for (at, rtmr) in variant.rtmr.iter().enumerate() {
                if let Some(rtmr) = rtmr {
                    writeln!(f, "rtmr{at} = {rtmr}")?;
                }
            }
            if let Some(mrconfigid) = variant.mrconfigid {
                writeln!(f, "mrconfigid = {mrconfigid}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        let m = |byte| Measurement([byte; 48]);
        Measured { mrtd: m(1), rtmr: [m(10), m(11), m(12), m(13)], mrconfigid: m(20), attributes: [0; 8] }
    }

    #[test]
    fn a_file_is_read_and_written_back() {
        let td = measured();
        let text = format!(
            "# firmware\n\n[one]\nmrtd = {}\nrtmr3={} # app\n[two]\nmrtd = {}\n",
            td.mrtd, td.rtmr[3], td.rtmr[0]
        );
        let variants: Variants = text.parse().expect("read");
        assert_eq!(variants.find(&td).map(|variant| &*variant.name), Ok("one"));
        assert_eq!(variants.to_string().parse(), Ok(variants));
    }

    #[test]
    fn every_measurement_counts_and_is_named() {
        let td = measured();
        let full = Variant {
            rtmr: td.rtmr.map(Some),
            mrconfigid: Some(td.mrconfigid),
            ..Variant::new("full", td.mrtd)
        };
        let variants = Variants::new([full]).expect("one");
        assert!(variants.find(&td).is_ok());
        let other = Measurement([99; 48]);
        type Change = fn(&mut Measured, Measurement);
        let changes: [(&str, Change); 6] = [
            ("MRTD", |td, m| td.mrtd = m),
            ("RTMR0", |td, m| td.rtmr[0] = m),
            ("RTMR1", |td, m| td.rtmr[1] = m),
            ("RTMR2", |td, m| td.rtmr[2] = m),
            ("RTMR3", |td, m| td.rtmr[3] = m),
            ("MRCONFIGID", |td, m| td.mrconfigid = m),
        ];
        for (name, change) in changes {
            let mut changed = td;
            change(&mut changed, other);
            assert_eq!(variants.find(&changed), Err(format!("its {name} is not that of `full`")));
        }
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let m = Measurement([1; 48]);
        let bad = [
            ("mrtd = 00".to_owned(), "line 1"),
            (format!("[a]\nmrtd = {m}\nmrtd = {m}"), "line 3: it comes twice"),
            (format!("[a]\nmrdt = {m}"), "its name is unknown"),
            ("[a]\nmrtd".to_owned(), "no `=`"),
            (format!("[a]\nrtmr0 = {m}"), "`a` has no `mrtd`"),
            (String::new(), "no variant"),
            (format!("mrtd = {m}"), "before the first"),
            (format!("[a]\nmrtd = {m}0"), "has 97 characters"),
        ];
        for (text, says) in bad {
            let error = text.parse::<Variants>().expect_err("bad").to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
