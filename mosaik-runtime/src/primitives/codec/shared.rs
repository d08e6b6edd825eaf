//! Large fields of [`Bytes`] that are neither copied into what is sent nor out of what was received.
//!
//! serde shows a field of bytes as a slice, so that who holds the memory is lost on the way. With
//! `#[serde(with = "…::shared")]` on the field, which `#[stream]` puts there by itself, the field offers its handle beside the
//! slice while it is encoded, and looks for the memory that its slice is a part of while it is decoded. The bytes are the same
//! as without. For other types than `Bytes` it changes nothing.

use std::{
    any::{Any, TypeId},
    cell::RefCell,
    fmt,
};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

/// Fields from this size on are shared; copying a smaller one costs less than keeping track of it.
pub const SHARED_FROM: usize = 32 * 1024;

thread_local! {
    /// The field that is being encoded.
    static OFFERED: RefCell<Option<Bytes>> = const { RefCell::new(None) };
    /// The memory that is being decoded.
    static SOURCE: RefCell<Option<Bytes>> = const { RefCell::new(None) };
}

type Slot = std::thread::LocalKey<RefCell<Option<Bytes>>>;

/// Something is in a slot while this lives.
struct Held {
    slot: &'static Slot,
    before: Option<Bytes>,
}

impl Held {
    fn new(slot: &'static Slot, bytes: &Bytes) -> Self {
        Self { slot, before: slot.replace(Some(bytes.clone())) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.slot.set(self.before.take());
    }
}

/// `serialize_with`: as the type itself does, with its handle on offer.
pub fn serialize<T: Serialize + 'static, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    match (value as &dyn Any).downcast_ref::<Bytes>() {
        Some(bytes) if bytes.len() >= SHARED_FROM => {
            let _held = Held::new(&OFFERED, bytes);
            serializer.serialize_bytes(bytes)
        }
        _ => value.serialize(serializer),
    }
}

/// The handle of the field whose bytes these are, if it is on offer.
pub(super) fn offered(data: &[u8]) -> Option<Bytes> {
    let is = |bytes: &&Bytes| std::ptr::eq(bytes.as_ptr(), data.as_ptr()) && bytes.len() == data.len();
    OFFERED.with_borrow(|bytes| bytes.as_ref().filter(is).cloned())
}

/// Decodes a part of `source`: large fields become parts of it too. They keep all of its memory from being freed.
pub fn decoding<R>(source: &Bytes, decode: impl FnOnce() -> R) -> R {
    let _held = Held::new(&SOURCE, source);
    decode()
}

/// `deserialize_with`: as the type itself does, or as a part of what is being decoded.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + 'static,
    D: Deserializer<'de>,
{
    if TypeId::of::<T>() != TypeId::of::<Bytes>() {
        return T::deserialize(deserializer);
    }
    let bytes = deserializer.deserialize_byte_buf(Sharing)?;
    let mut value: Option<T> = None;
    if let Some(value) = (&mut value as &mut dyn Any).downcast_mut() {
        *value = Some(bytes);
    }
    value.ok_or_else(|| D::Error::custom("a type that is not itself")) // impossible: the types were compared
}

struct Sharing;

impl<'de> Visitor<'de> for Sharing {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, data: &[u8]) -> Result<Bytes, E> {
        let part =
            (data.len() >= SHARED_FROM).then(|| SOURCE.with_borrow(|source| part(source.as_ref()?, data)));
        Ok(part.flatten().unwrap_or_else(|| Bytes::copy_from_slice(data)))
    }

    fn visit_byte_buf<E: Error>(self, data: Vec<u8>) -> Result<Bytes, E> {
        Ok(data.into())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element::<u8>()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}

/// `data` as a part of `source`, if it is one.
fn part(source: &Bytes, data: &[u8]) -> Option<Bytes> {
    let from = (data.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
    let part = source.len().checked_sub(from).filter(|left| *left >= data.len())?;
    (part > 0).then(|| source.slice(from..from + data.len()))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::{
        super::{decode, decode_deep, encode, encode_onto},
        *,
    };

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Parcel {
        number: u32,
        #[serde(with = "super")]
        data: Bytes,
        #[serde(with = "super")]
        text: String,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Plain {
        number: u32,
        data: Bytes,
        text: String,
    }

    fn bytes(size: usize) -> Bytes {
        Bytes::from(vec![7; size])
    }

    #[test]
    fn the_bytes_are_those_of_the_type_itself() {
        for size in [0, 1, SHARED_FROM - 1, SHARED_FROM, 3 * SHARED_FROM] {
            let (data, text) = (bytes(size), "x".repeat(size));
            let shared =
                encode(&Parcel { number: 5, data: data.clone(), text: text.clone() }).expect("encodes");
            assert_eq!(
                shared,
                encode(&Plain { number: 5, data: data.clone(), text: text.clone() }).expect("encodes")
            );
            let parcel = Parcel { number: 5, data, text };
            assert_eq!(decode(&shared), Ok(parcel));
        }
    }

    #[test]
    fn a_large_field_is_not_copied_on_either_side() {
        let parcel = Parcel { number: 5, data: bytes(SHARED_FROM), text: "after".to_owned() };
        let (mut buffer, mut pieces) = (BytesMut::with_capacity(64), Vec::new());
        let size = encode_onto(&parcel, &mut buffer, 2 * SHARED_FROM, &mut pieces).expect("fits");
        assert_eq!((size, pieces.len()), (buffer.len() + SHARED_FROM, 1));
        let (at, piece) = pieces.remove(0);
        assert_eq!(piece.as_ptr(), parcel.data.as_ptr());
        let whole = Bytes::from([&buffer[..at], &piece[..], &buffer[at..]].concat());
        for decode in [decode::<Parcel>, decode_deep::<Parcel>] {
            let read = decoding(&whole, || decode(&whole)).expect("decodes");
            assert_eq!(read, parcel);
            assert_eq!(read.data.as_ptr(), whole[at..].as_ptr());
            let alone = decode(&whole).expect("decodes");
            assert_ne!(alone.data.as_ptr(), whole[at..].as_ptr());
        }
        let other = Bytes::from(whole.to_vec());
        let read: Parcel = decoding(&other, || decode(&whole)).expect("decodes");
        assert!(!other.as_ptr_range().contains(&read.data.as_ptr()), "not its memory: a copy");
    }
}
