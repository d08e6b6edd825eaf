//! The contents of a simulated disk, and what a crash makes of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::primitives::NodeRng;

/// What a disk writes as a whole or not at all.
const SECTOR: usize = 512;

/// One thing that happened to a disk.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// A new empty file without a name.
    Make,
    Name {
        name: String,
        file: usize,
    },
    Rename {
        from: String,
        to: String,
        file: usize,
    },
    Remove {
        name: String,
    },
    Length {
        file: usize,
        length: usize,
    },
    Write {
        file: usize,
        at: usize,
        bytes: Vec<u8>,
    },
    /// The contents of a file are safe.
    Flush {
        file: usize,
    },
    /// All names are safe.
    FlushNames,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    files: Vec<Vec<u8>>,
    names: BTreeMap<String, usize>,
}

impl Image {
    pub(super) fn file(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The number that the next file gets.
    pub(super) fn next_file(&self) -> usize {
        self.files.len()
    }

    pub(super) fn bytes(&self, file: usize) -> &[u8] {
        self.files.get(file).map_or(&[], Vec::as_slice)
    }

    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{folder}/");
        let names = self.names.keys().filter_map(|name| name.strip_prefix(&prefix));
        names.filter(|name| !name.contains('/')).map(str::to_owned).collect()
    }

    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Make => self.files.push(Vec::new()),
            Op::Name { name, file } => drop(self.names.insert(name.clone(), *file)),
            Op::Rename { from, to, file } => {
                self.names.remove(from);
                self.names.insert(to.clone(), *file);
            }
            Op::Remove { name } => drop(self.names.remove(name)),
            Op::Length { file, length } => {
                if let Some(file) = self.files.get_mut(*file) {
                    file.resize(*length, 0);
                }
            }
            Op::Write { file, at, bytes } => self.write(*file, *at, bytes),
            Op::Flush { .. } | Op::FlushNames => {}
        }
    }

    /// A write behind the end of a file whose new length was lost is lost with it.
    fn write(&mut self, file: usize, at: usize, bytes: &[u8]) {
        let Some(file) = self.files.get_mut(file) else { return };
        let end = at.saturating_add(bytes.len()).min(file.len());
        if let (Some(into), Some(from)) = (file.get_mut(at..end), bytes.get(..end.saturating_sub(at))) {
            into.copy_from_slice(from);
        }
    }

    /// What is left after a crash, if this image was safe and `done` was done since.
    pub(super) fn after_crash(&self, done: &[Op], rng: &mut NodeRng) -> Self {
        let (mut flushed, mut names_flushed) = (BTreeSet::new(), false);
        let mut safe: Vec<bool> = done
            .iter()
            .rev()
            .map(|op| match op {
                Op::Flush { file } => {
                    flushed.insert(*file);
                    true
                }
                Op::FlushNames => {
                    names_flushed = true;
                    true
                }
                Op::Make => true,
                Op::Name { .. } | Op::Rename { .. } | Op::Remove { .. } => names_flushed,
                Op::Length { file, .. } | Op::Write { file, .. } => flushed.contains(file),
            })
            .collect();
        safe.reverse();
        // One crash in four loses all that may be lost, one keeps all.
        let mood = rng.below(4);
        let mut left = self.clone();
        for (op, safe) in done.iter().zip(safe) {
            match (op, safe, mood) {
                (_, true, _) | (_, _, 0) => left.apply(op),
                (_, _, 1) => {}
                (Op::Write { file, at, bytes }, _, _) => left.tear(*file, *at, bytes, rng),
                _ if rng.below(2) == 0 => left.apply(op),
                _ => {}
            }
        }
        left
    }

    /// Writes some sectors.
    fn tear(&mut self, file: usize, at: usize, bytes: &[u8], rng: &mut NodeRng) {
        let kept = rng.below(3);
        for (number, sector) in bytes.chunks(SECTOR).enumerate() {
            if kept == 0 || (kept == 1 && rng.below(2) == 0) {
                self.write(file, at + number * SECTOR, sector);
            }
        }
    }

    /// Applies and forgets what is safe by now.
    pub(super) fn settle(&mut self, done: &mut Vec<Op>) {
        let Some(last) = done.last() else { return };
        let settled = |op: &Op| match (last, op) {
            (
                Op::Flush { file },
                Op::Length { file: of, .. } | Op::Write { file: of, .. } | Op::Flush { file: of },
            ) => file == of,
            (Op::FlushNames, Op::Name { .. } | Op::Rename { .. } | Op::Remove { .. } | Op::FlushNames) => {
                true
            }
            _ => false,
        };
        if !matches!(last, Op::Flush { .. } | Op::FlushNames) {
            return;
        }
        // Files are numbered in the order in which they were made.
        for make in done.iter().filter(|op| matches!(op, Op::Make)) {
            self.apply(make);
        }
        for op in done.iter().filter(|op| settled(op)) {
            self.apply(op);
        }
        let keep: Vec<bool> = done.iter().map(|op| !settled(op) && !matches!(op, Op::Make)).collect();
        let mut keep = keep.into_iter();
        done.retain(|_| keep.next().unwrap_or(true));
    }

    /// Turns one bit within so many first bytes of each file; says where.
    pub(super) fn flip(&mut self, within: impl Fn(&str) -> usize, rng: &mut NodeRng) -> String {
        let length = |name: &str, file: usize| self.bytes(file).len().min(within(name));
        let lengths: Vec<usize> = self.names.iter().map(|(name, file)| length(name, *file)).collect();
        let mut at = rng.below(lengths.iter().sum());
        for ((name, file), length) in self.names.iter().zip(lengths) {
            let Some(bytes) = self.files.get_mut(*file) else { continue };
            if at < length
                && let Some(byte) = bytes.get_mut(at)
            {
                *byte ^= 1 << rng.below(8);
                return format!("{name}@{at}");
            }
            at = at.saturating_sub(length);
        }
        "nowhere".to_owned()
    }
}
