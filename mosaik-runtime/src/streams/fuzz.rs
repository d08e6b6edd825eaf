//! Fuzz targets of streams: what producers send, and what consumers say.

use std::task::{Context, Waker};

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::{
    core::{
        chunks::{FRAME_HEAD, frame_size},
        cursor::Bell,
        inbox::{Batch, Inbox, Note},
        limits::Limits,
        ring::Ring,
        source::Source,
        subscribe::Take,
    },
    inlet::limits_of_terms,
    wire::{self, Ack, Blocks, End, Piece, Subscribe, Subscribed, Terms},
};
use crate::{
    primitives::{
        BootId, PeerId,
        fuzz::{Input, Target, bytes, pack, round_trip},
    },
    topology::Overflow,
};

const PRODUCER: PeerId = PeerId::from_bytes([4; 32]);
const MAX_ITEM: usize = 1024;

/// What a producer's node sends: its answer, then blocks, cut anywhere.
pub(crate) const BLOCKS: Target = Target {
    name: "blocks",
    run: |bytes| {
        let mut input = Input::new(bytes);
        let answer = input.piece().and_then(round_trip::<Subscribed>);
        let Some(Subscribed::V1(terms)) = answer else { return };
        let (mut source, epoch) = (Source::default(), terms.epoch);
        let mut inbox = Inbox::new(limits_of_terms(&terms));
        let reader = inbox.join();
        let (_, lost) = source.begin(epoch, terms.next);
        lost.into_iter().for_each(|lost| inbox.note(PRODUCER, epoch, Note::Gap(lost)));
        let (mut blocks, mut buffer) = (Blocks::new(MAX_ITEM.min(terms.max_item as usize)), BytesMut::new());
        while let Some(piece) = input.piece() {
            buffer.extend_from_slice(piece);
            loop {
                let Ok(piece) = blocks.next_piece(&mut buffer) else { return };
                let Some(piece) = piece else { break };
                receive(piece, epoch, &mut source, &mut inbox);
            }
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..input.byte() % 4 {
                let _ = inbox.poll(reader, &mut context);
            }
        }
    },
    seeds: || {
        let terms = |next| Terms {
            epoch: BootId(5),
            next,
            max_item: 1 << 20,
            buffer: 4,
            buffer_bytes: 4096,
            replay: 2,
            overflow: 1,
            patience_ms: 30_000,
            resume_ms: 10_000,
            extensions: Vec::new(),
        };
        let answer = |next| pack(&[bytes(&Subscribed::V1(terms(next)))]);
        let items = [&3u32.to_le_bytes()[..], b"abc", &0u32.to_le_bytes()].concat();
        let run = |first| [&wire::run_head(items.len(), first, 2)[..], &items].concat();
        let piece = |bytes: Vec<u8>| [pack(&[bytes]), vec![1]].concat();
        let many = (0..20).flat_map(|n| piece(run(300 + 2 * n))).collect::<Vec<_>>();
        vec![
            [answer(300), piece(run(300)), piece(wire::gap(302, 5).to_vec()), piece(run(307))].concat(),
            [answer(0), piece(run(0)), piece(wire::end(End::Stopping).to_vec())].concat(),
            [answer(300), many].concat(),
            [answer(u64::MAX - 2), piece(run(u64::MAX - 2))].concat(),
            pack(&[bytes(&Subscribed::Full { limit: 4 }), bytes(&Subscribed::Ended)]),
        ]
    },
};

/// As a line does it.
fn receive(piece: Piece, epoch: BootId, source: &mut Source, inbox: &mut Inbox) {
    match piece {
        Piece::Items { first, count, bytes } => {
            let (mut at, mut whole) = (0, 0);
            while let Some(size) = frame_size(&bytes, at) {
                assert!(size <= MAX_ITEM + FRAME_HEAD);
                (at, whole) = (at + size, whole + 1);
            }
            assert_eq!((at, whole), (bytes.len(), count), "whole frames, as many as were said");
            let (known, lost) = source.accept(first, count);
            lost.into_iter().for_each(|lost| inbox.note(PRODUCER, epoch, Note::Gap(lost)));
            if known < count {
                let batch = Batch { from: PRODUCER, epoch, schema: 0, first, count, bytes };
                inbox.put(if known > 0 { batch.skip(known) } else { batch });
            }
        }
        Piece::Gap { first, count } => {
            let (_, before) = source.accept(first, 0);
            let next = source.had().map_or(first, |(_, next)| next);
            let (_, lost) = source.accept(first.saturating_add(count).max(next), 0);
            before.into_iter().chain(lost).for_each(|lost| inbox.note(PRODUCER, epoch, Note::Gap(lost)));
        }
        Piece::End(_) => {}
    }
}

struct Silent;

impl Bell for Silent {
    fn ring(&self) {}
    fn cut(&self) {}
}

/// What consumers' nodes say to a producer's ring: subscriptions and acknowledgements of any numbers.
pub(crate) const ACKS: Target = Target {
    name: "acks",
    run: |bytes| {
        let (mut input, now) = (Input::new(bytes), Instant::now());
        let overflow = [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest, Overflow::Block];
        let overflow = overflow[usize::from(input.byte() % 4)];
        let limits =
            Limits { items: 8, bytes: 4096, max_item: 1024, replay: 2, overflow, ..Limits::default() };
        let mut ring = Ring::new(BootId(5), 0, limits);
        let mut attached = 0;
        while let Some(piece) = input.piece() {
            let peer = PeerId::from_bytes([input.byte() % 4; 32]);
            if let Some(Subscribe::V1 { had, .. }) = round_trip(piece) {
                attached = ring.attach(peer, had, Silent, now).map_or(attached, |at| at.attachment);
            }
            if let Some(Ack::V1 { read, received, consumed }) = round_trip(piece) {
                ring.acknowledge(&peer, attached, read, received, consumed);
            }
            for n in 0..input.byte() % 8 {
                let _ = ring.push(&vec![n; usize::from(n) * 100], || now);
                match ring.take(&peer, attached) {
                    Take::Run(run) => assert!(!run.is_empty()),
                    Take::Gap { count, .. } => assert!(count > 0),
                    _ => {}
                }
                ring.wrote(&peer, attached);
            }
            assert!(ring.held() <= ring.bound(), "{} held, {} is the bound", ring.held(), ring.bound());
        }
    },
    seeds: || {
        let subscribe = |had| bytes(&Subscribe::V1 { had, extensions: vec![(1, Bytes::from_static(b"x"))] });
        let ack = |read, received, consumed| bytes(&Ack::V1 { read, received, consumed });
        let says = |overflow: u8, frames: &[Vec<u8>]| {
            let each =
                frames.iter().flat_map(|frame| [pack(std::slice::from_ref(frame)), vec![1, 7]].concat());
            std::iter::once(overflow).chain(each).collect::<Vec<u8>>()
        };
        let frames = [
            subscribe(None),
            ack(100, 3, 2),
            subscribe(Some((BootId(5), 4))),
            ack(u64::MAX, u64::MAX, u64::MAX),
            subscribe(Some((BootId(9), u64::MAX))),
        ];
        (0..4).map(|overflow| says(overflow, &frames)).collect()
    },
};
