//! The giving side of a pull.

use std::time::Duration;

use bytes::Bytes;

use super::MAX_CHUNK;
use crate::{
    groups::{
        store::{Snapshots, record::ChunkHash},
        wire::{ChunkAnswer, ChunkAsk, GroupsProtocol},
    },
    transport::{Code, Link},
};

/// A channel that asks for nothing is closed after this.
const IDLE: Duration = Duration::from_secs(60);

/// Gives parts of chunks for as long as the other side asks. A chunk that is not whole here is missing.
pub async fn serve(snapshots: &Snapshots, mut link: Link<GroupsProtocol>) {
    let mut last: Option<(ChunkHash, Bytes)> = None;
    while let Ok(Some(ChunkAsk::V1 { hash, offset, length })) = link.recv(IDLE).await {
        if last.as_ref().is_none_or(|(held, _)| *held != hash) {
            last = match snapshots.chunk(hash).await {
                Ok(chunk) => chunk.map(|chunk| (hash, chunk)),
                Err(_) => return link.close(Code::Abandoned),
            };
        }
        let answer = last.as_ref().map_or(ChunkAnswer::Missing, |(_, chunk)| part(chunk, offset, length));
        if link.send(&answer).await.is_err() {
            return;
        }
    }
}

/// A part of a chunk, as far as there is one.
pub(in crate::groups) fn part(chunk: &Bytes, offset: u32, length: u32) -> ChunkAnswer {
    let begin = (offset as usize).min(chunk.len());
    let end = begin.saturating_add((length as usize).min(MAX_CHUNK)).min(chunk.len());
    let of = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
    ChunkAnswer::Part { of, bytes: chunk.slice(begin..end) }
}
