//! What a token says.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

use super::TokenError;
use crate::primitives::Wall;

/// A point of time as tokens write it: seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumericDate(pub u64);

impl NumericDate {
    /// The beginning of that second.
    pub fn wall(self) -> Wall {
        Wall(self.0.saturating_mul(1000))
    }
}

impl From<Wall> for NumericDate {
    fn from(wall: Wall) -> Self {
        Self(wall.0 / 1000)
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claims {
    /// Who made it.
    pub issuer: Option<String>,
    /// For whom it was made.
    pub subject: Option<String>,
    /// Where it is valid.
    pub audience: Vec<String>,
    /// When it ends.
    pub expires: Option<NumericDate>,
    /// When it begins.
    pub not_before: Option<NumericDate>,
    /// When it was made.
    pub issued_at: Option<NumericDate>,
    /// The token's own id.
    pub id: Option<String>,
    /// Everything else.
    pub other: BTreeMap<String, Value>,
}

/// The names that have a meaning of their own.
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// The top level of the claims, each name once.
struct Unique(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut unique = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if unique.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name comes twice"));
                    }
                }
                Ok(Unique(unique))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Claims {
    /// Reads the middle part of a token.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, TokenError> {
        let Unique(mut all) = serde_json::from_slice(bytes).map_err(|_| {
            TokenError::Malformed("its middle part is not a JSON object, each name once".to_owned())
        })?;
        Ok(Self {
            issuer: text(&mut all, "iss")?,
            subject: text(&mut all, "sub")?,
            audience: audience(&mut all)?,
            expires: date(&mut all, "exp", Round::Down)?,
            not_before: date(&mut all, "nbf", Round::Up)?,
            issued_at: date(&mut all, "iat", Round::Down)?,
            id: text(&mut all, "jti")?,
            other: all,
        })
    }

    /// One claim by its name, a registered one or another.
    pub fn get(&self, name: &str) -> Option<Value> {
        let date = |date: Option<NumericDate>| date.map(|date| date.0.into());
        match name {
            "iss" => self.issuer.clone().map(Value::from),
            "sub" => self.subject.clone().map(Value::from),
            "aud" => match &self.audience[..] {
                [] => None,
                [one] => Some(one.clone().into()),
                many => Some(many.to_vec().into()),
            },
            "exp" => date(self.expires),
            "nbf" => date(self.not_before),
            "iat" => date(self.issued_at),
            "jti" => self.id.clone().map(Value::from),
            other => self.other.get(other).cloned(),
        }
    }

    /// The middle part of a token, as JSON.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut all: BTreeMap<&str, Value> =
            self.other.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let own: Vec<_> = REGISTERED.into_iter().filter_map(|name| Some((name, self.get(name)?))).collect();
        all.extend(own);
        // A map of text and values always encodes.
        serde_json::to_vec(&Sorted(all)).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Sorted<'a>(BTreeMap<&'a str, Value>);

fn wrong(name: &str, kind: &str) -> TokenError {
    TokenError::Malformed(format!("its `{name}` is not {kind}"))
}

fn text(all: &mut BTreeMap<String, Value>, name: &str) -> Result<Option<String>, TokenError> {
    match all.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(name, "a text")),
    }
}

fn audience(all: &mut BTreeMap<String, Value>) -> Result<Vec<String>, TokenError> {
    let error = || wrong("aud", "a text or a list of texts");
    match all.remove("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(many)) => {
            let text = |value| match value {
                Value::String(text) => Ok(text),
                _ => Err(error()),
            };
            many.into_iter().map(text).collect()
        }
        Some(_) => Err(error()),
    }
}

/// Where a fraction of a second goes: always to the shorter validity.
enum Round {
    Up,
    Down,
}

fn date(
    all: &mut BTreeMap<String, Value>,
    name: &str,
    round: Round,
) -> Result<Option<NumericDate>, TokenError> {
    /// Up to here a fraction of a second still fits into an `f64`; the year 142 000 000.
    const MOST: f64 = 4_503_599_627_370_496.0;
    let error = || wrong(name, "a number of seconds since 1970");
    let Some(value) = all.remove(name) else { return Ok(None) };
    if let Some(whole) = value.as_u64() {
        return Ok(Some(NumericDate(whole)));
    }
    let Some(number) = value.as_f64().filter(|number| (0.0..MOST).contains(number)) else {
        return Err(error());
    };
    let whole = match round {
        Round::Up => number.ceil(),
        Round::Down => number.floor(),
    };
    Ok(Some(NumericDate(whole as u64)))
}
