//! Frames: a length of 4 bytes (little-endian) and so many bytes.
//!
//! The length is checked against the limit before anything is allocated for the body.

use bytes::{Buf, Bytes, BytesMut};

use super::{backend::RecvHalf, error::LinkError};

/// The bytes of a frame's length.
pub(super) const PREFIX: usize = 4;

/// How much is asked for per read at most, while frames are read.
const READ: usize = 8 * 1024;
/// How much is at first, and by a link that brings little: what is asked for is set aside for as long as the link waits.
const LITTLE: usize = 512;

/// A body as a frame, in one buffer.
pub(super) fn framed(body: &[u8], limit: usize) -> Result<Vec<u8>, LinkError> {
    let too_large = LinkError::TooLarge { length: body.len() as u64, limit };
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= limit).ok_or(too_large)?;
    let mut frame = Vec::with_capacity(PREFIX + body.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(body);
    Ok(frame)
}

/// Takes the first frame out of `buffer` if it is there whole; an error when its length is over `limit`.
pub(super) fn take(buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, LinkError> {
    let Some(prefix) = buffer.first_chunk::<PREFIX>() else { return Ok(None) };
    let length = u32::from_le_bytes(*prefix);
    match usize::try_from(length) {
        Ok(body) if body <= limit => {
            if buffer.len() - PREFIX < body {
                return Ok(None);
            }
            buffer.advance(PREFIX);
            Ok(Some(buffer.split_to(body).freeze()))
        }
        _ => Err(LinkError::TooLarge { length: length.into(), limit }),
    }
}

/// Reads frames, and raw bytes after them.
#[derive(Debug)]
pub(super) struct Frames {
    half: RecvHalf,
    buffer: BytesMut,
    limit: usize,
    /// How much is asked for next.
    read: usize,
}

impl Frames {
    /// Reads frames of at most `limit` bytes.
    pub(super) fn new(half: RecvHalf, limit: usize) -> Self {
        Self { half, buffer: BytesMut::new(), limit, read: LITTLE }
    }

    /// Another limit from now on.
    pub(super) fn limit_to(&mut self, limit: usize) {
        self.limit = limit;
        if self.buffer.is_empty() {
            // Frames of the new limit may need far less.
            self.buffer = BytesMut::new();
        }
    }

    /// The next frame; `None` once the peer finished after a whole one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        loop {
            if let Some(frame) = take(&mut self.buffer, self.limit)? {
                return Ok(Some(frame));
            }
            let asked = self.read.min(PREFIX + self.limit);
            if self.buffer.is_empty() && self.buffer.capacity() > 4 * asked {
                // Large frames came before; a link that brings little again keeps little.
                self.buffer = BytesMut::new();
            }
            let came = self.half.read(&mut self.buffer, asked).await?;
            if came == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(LinkError::Truncated) };
            }
            self.read = if came == asked {
                READ
            } else if came <= LITTLE {
                LITTLE
            } else {
                self.read
            };
        }
    }

    /// Reads raw bytes: first those that came along with the last frame, then straight from the stream. Cancel-safe.
    pub(super) async fn raw(&mut self, into: &mut BytesMut, max: usize) -> Result<usize, LinkError> {
        if self.buffer.is_empty() {
            return Ok(self.half.read(into, max).await?);
        }
        let left = self.buffer.len().min(max);
        into.extend_from_slice(&self.buffer.split_to(left));
        Ok(left)
    }

    /// Stops reading.
    pub(super) fn stop(&mut self, code: u32) {
        self.half.stop(code);
    }

    /// How many bytes are set aside.
    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        self.buffer.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_round_trips_and_parts_of_it_do_not() {
        let frame = framed(b"hello", 5).expect("within the limit");
        assert_eq!(frame, b"\x05\0\0\0hello");
        for part in 0..frame.len() {
            assert_eq!(take(&mut BytesMut::from(&frame[..part]), 5), Ok(None));
        }
        let mut two = BytesMut::from(&[frame.clone(), frame].concat()[..]);
        assert_eq!(take(&mut two, 5), Ok(Some(Bytes::from_static(b"hello"))));
        assert_eq!(take(&mut two, 5), Ok(Some(Bytes::from_static(b"hello"))));
        assert_eq!(take(&mut two, 5), Ok(None));
    }

    #[test]
    fn the_limit_holds_on_both_sides() {
        let over = LinkError::TooLarge { length: 6, limit: 5 };
        assert_eq!(framed(b"hello!", 5), Err(over.clone()));
        assert_eq!(take(&mut BytesMut::from(&b"\x06\0\0\0"[..]), 5), Err(over));
        let most = LinkError::TooLarge { length: u32::MAX.into(), limit: 5 };
        assert_eq!(take(&mut BytesMut::from(&[0xff; 4][..]), 5), Err(most));
    }
}
