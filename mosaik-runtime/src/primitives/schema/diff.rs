//! What differs between two shapes, as one sentence.

use super::{Record, Shape};

/// The first difference between the shape here and the shape there; `None` when they are equal for the wire.
pub fn difference(here: &Shape, there: &Shape) -> Option<String> {
    if here.fingerprint() == there.fingerprint() {
        return None;
    }
    Some(differ("", here, there).unwrap_or_else(|| "the types differ".to_owned()))
}

fn differ(path: &str, here: &Shape, there: &Shape) -> Option<String> {
    use Shape::{Array, Enum, Map, Option as Maybe, Seq, Struct, Tuple};
    match (here, there) {
        _ if here == there => None,
        (Maybe(a), Maybe(b)) => differ(path, a, b),
        (Seq(a), Seq(b)) => differ(&format!("{path}[]"), a, b),
        (Array(n, a), Array(m, b)) if n == m => differ(&format!("{path}[]"), a, b),
        (Map(ka, va), Map(kb, vb)) => {
            differ(&format!("{path}[key]"), ka, kb).or_else(|| differ(&format!("{path}[value]"), va, vb))
        }
        (Tuple(a), Tuple(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| differ(&step(path, &at.to_string()), a, b))
        }
        (Struct(a), Struct(b)) => records(path, a, b),
        (Enum(_, la, a), Enum(_, lb, b)) => {
            labels(path, la.as_deref(), lb.as_deref()).or_else(|| variants(path, a, b))
        }
        _ if here.fingerprint() == there.fingerprint() => None,
        _ => Some(sentence(path, &here.name(), &there.name())),
    }
}

fn records(path: &str, here: &Record, there: &Record) -> Option<String> {
    let changed = here.fields.iter().zip(&there.fields).find_map(|((a, sa), (b, sb))| match a == b {
        true => differ(&step(path, a), sa, sb),
        false => {
            Some(sentence(&step(path, a), &format!("here `{a}`"), &format!("`{b}`")).replace("here `", "`"))
        }
    });
    labels(path, here.label.as_deref(), there.label.as_deref())
        .or_else(|| missing("field", path, &here.fields, &there.fields))
        .or(changed)
}

fn variants(path: &str, here: &[Record], there: &[Record]) -> Option<String> {
    let names = |records: &[Record]| -> Vec<(String, ())> {
        records.iter().map(|record| (record.name.clone(), ())).collect()
    };
    missing("variant", path, &names(here), &names(there)).or_else(|| {
        here.iter().zip(there).find_map(|(a, b)| match a.name == b.name {
            true => records(&step(path, &a.name), a, b),
            false => Some(format!("variants are in another order: `{}` here, `{}` there", a.name, b.name)),
        })
    })
}

fn labels(path: &str, here: Option<&str>, there: Option<&str>) -> Option<String> {
    let name =
        |label: Option<&str>| label.map_or("no schema label".to_owned(), |l| format!("schema label \"{l}\""));
    (here != there).then(|| sentence(path, &name(here), &name(there)))
}

fn missing<V>(what: &str, path: &str, here: &[(String, V)], there: &[(String, V)]) -> Option<String> {
    let lacks = |list: &[(String, V)], name: &str| list.iter().all(|(other, _)| other != name);
    let only = |a: &[(String, V)], b: &[(String, V)]| {
        a.iter().find(|(name, _)| lacks(b, name)).map(|(name, _)| step(path, name))
    };
    match (only(here, there), only(there, here)) {
        (Some(a), Some(b)) => Some(format!("{what} `{a}` is only here, {what} `{b}` only there")),
        (Some(a), None) => Some(format!("{what} `{a}` is here and not there")),
        (None, Some(b)) => Some(format!("{what} `{b}` is there and not here")),
        (None, None) => None,
    }
}

/// What has no name is told of as what it is in.
fn step(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}.{name}"),
    }
}

fn sentence(path: &str, here: &str, there: &str) -> String {
    let subject = if path.is_empty() { String::new() } else { format!("field `{path}`: ") };
    format!("{subject}{here} here, {there} there")
}

impl Shape {
    /// A short name of this shape for messages.
    pub fn name(&self) -> String {
        match self {
            Self::Primitive(name) | Self::Opaque(name) | Self::Enum(name, ..) => name.clone(),
            Self::Option(inner) => format!("Option<{}>", inner.name()),
            Self::Seq(inner) => format!("Vec<{}>", inner.name()),
            Self::Map(key, value) => format!("Map<{}, {}>", key.name(), value.name()),
            Self::Tuple(items) => {
                format!("({})", items.iter().map(Self::name).collect::<Vec<_>>().join(", "))
            }
            Self::Array(n, inner) => format!("[{}; {n}]", inner.name()),
            Self::Struct(record) => record.name.clone(),
            Self::Back(_) => "itself".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::of, *};

    fn record(fields: &[(&str, Shape)]) -> Shape {
        let fields = fields.iter().map(|(name, shape)| ((*name).to_owned(), shape.clone())).collect();
        Shape::Struct(Record { name: "Load".into(), label: None, fields })
    }

    #[test]
    fn the_sentence_names_the_field_and_both_sides() {
        let here = record(&[("host", of::<String>()), ("cpu_percent", of::<f32>())]);
        let there = record(&[("host", of::<String>()), ("cpu_percent", of::<f64>())]);
        assert_eq!(difference(&here, &here), None);
        assert_eq!(difference(&here, &there).as_deref(), Some("field `cpu_percent`: f32 here, f64 there"));
    }

    #[test]
    fn missing_fields_and_nested_ones_are_found() {
        let flat = record(&[("host", of::<String>())]);
        let more = record(&[("host", of::<String>()), ("memory_mib", of::<u64>())]);
        let found = difference(&flat, &more);
        assert_eq!(found.as_deref(), Some("field `memory_mib` is there and not here"));
        let outer = |inner: Shape| record(&[("loads", Shape::Seq(Box::new(inner)))]);
        let found = difference(&outer(more), &outer(flat));
        assert_eq!(found.as_deref(), Some("field `loads[].memory_mib` is here and not there"));
    }

    #[test]
    fn reordered_fields_differ() {
        let ab = record(&[("a", of::<u8>()), ("b", of::<u8>())]);
        let ba = record(&[("b", of::<u8>()), ("a", of::<u8>())]);
        assert_eq!(difference(&ab, &ba).as_deref(), Some("field `a`: `a` here, `b` there"));
    }
}
