//! A simulated disk: what was not flushed may be lost, torn or kept at a crash, and it fails when it is told to.
//!
//! It knows every operation since its last crash and which of them a flush has made safe. A crash keeps those; of each of the others it
//! keeps all, nothing, or some sectors, by the dice.

mod image;

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use self::image::{Image, Op};
use super::files::{Folder, Medium};
use crate::primitives::NodeRng;

/// A disk that outlives the simulated node that writes on it.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What a reader sees.
    now: Image,
    /// What is safe, and what was done since.
    safe: Image,
    done: Vec<Op>,
    /// Keeps all operations, so that a crash can be tried at each of them.
    recording: bool,
    /// Who may use the disk: the node that came last.
    life: u64,
    /// How many operations that change something there were, and at which one it fails.
    changes: u64,
    fails: Option<(u64, io::ErrorKind)>,
    tried_after_failure: u64,
    slow: Duration,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the disk to a new life of the node. An older one can no longer use it.
    pub(super) fn attach(&self) -> SimFolder {
        let mut state = self.state();
        state.life += 1;
        SimFolder { disk: self.clone(), life: state.life }
    }

    /// The process dies: all that it wrote is still there.
    pub fn kill(&self) {
        let mut state = self.state();
        state.life += 1;
        state.forgive();
    }

    /// The power is cut: what was not flushed survives by the dice.
    pub fn cut_power(&self, rng: &mut NodeRng) {
        let mut state = self.state();
        state.life += 1;
        state.forgive();
        state.safe = state.safe.after_crash(&state.done, rng);
        state.now = state.safe.clone();
        state.done.clear();
    }

    /// The `number`th change from now on fails, the first being 0; the ones after it work again.
    pub fn fail_at(&self, number: u64, how: io::ErrorKind) {
        let mut state = self.state();
        state.fails = Some((state.changes + number, how));
        state.tried_after_failure = 0;
    }

    /// It works again, and a failure that was still to come does not.
    pub fn mend(&self) {
        let mut state = self.state();
        (state.fails, state.tried_after_failure) = (None, 0);
    }

    /// From now on each flush takes so much longer.
    pub fn set_slow(&self, by: Duration) {
        self.state().slow = by;
    }

    pub(super) fn slowness(&self) -> Duration {
        self.state().slow
    }

    /// How many changes were tried after the one that failed, in the same life of the node.
    pub fn tried_after_failure(&self) -> u64 {
        self.state().tried_after_failure
    }

    /// Whether a change has failed in this life of the node.
    pub fn has_failed(&self) -> bool {
        self.state().has_failed()
    }

    /// Turns one bit of one of the files, chosen by the dice; says where.
    pub fn flip(&self, rng: &mut NodeRng) -> String {
        self.flip_among(|_| usize::MAX, rng)
    }

    fn flip_among(&self, within: impl Fn(&str) -> usize, rng: &mut NodeRng) -> String {
        let mut state = self.state();
        let place = state.now.flip(within, rng);
        state.safe = state.now.clone();
        state.done.clear();
        place
    }
}

#[cfg(test)]
impl SimDisk {
    /// From now on every operation is remembered.
    pub(super) fn record(&self) {
        let mut state = self.state();
        state.safe = state.now.clone();
        state.done.clear();
        state.recording = true;
    }

    /// Turns one bit of so many first bytes of this file.
    pub(super) fn flip_in(&self, name: &str, within: usize, rng: &mut NodeRng) -> String {
        self.flip_among(|file| if file == name { within } else { 0 }, rng)
    }

    /// How many operations were remembered.
    pub(super) fn recorded(&self) -> usize {
        self.state().done.len()
    }

    /// Another disk, as this one would be if the power had been cut before operation `at`.
    pub(super) fn cut_at(&self, at: usize, rng: &mut NodeRng) -> Self {
        let state = self.state();
        Self::of(state.safe.after_crash(&state.done[..at], rng))
    }

    /// Another disk with the same contents.
    pub(super) fn copy(&self) -> Self {
        Self::of(self.state().now.clone())
    }

    fn of(image: Image) -> Self {
        let state = State { now: image.clone(), safe: image, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").field("changes", &self.state().changes).finish_non_exhaustive()
    }
}

impl State {
    fn has_failed(&self) -> bool {
        self.fails.is_some_and(|(at, _)| at < self.changes)
    }

    /// Another life of the node knows nothing of a failure before it.
    fn forgive(&mut self) {
        if self.has_failed() {
            (self.fails, self.tried_after_failure) = (None, 0);
        }
    }

    fn change(&mut self, ops: impl IntoIterator<Item = Op>) -> io::Result<()> {
        let number = self.changes;
        self.changes += 1;
        match self.fails {
            Some((at, how)) if number == at => return Err(how.into()),
            Some((at, _)) if number > at => self.tried_after_failure += 1,
            _ => {}
        }
        for op in ops {
            self.now.apply(&op);
            self.done.push(op);
        }
        if !self.recording {
            self.safe.settle(&mut self.done);
        }
        Ok(())
    }
}

/// The disk in the hands of one life of a node.
#[derive(Debug, Clone)]
pub(super) struct SimFolder {
    disk: SimDisk,
    life: u64,
}

impl SimFolder {
    fn with<T>(&self, job: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.state();
        if state.life != self.life {
            return Err(io::Error::other("this life of the node is over"));
        }
        job(&mut state)
    }
}

impl Folder for SimFolder {
    fn open(&self, name: &str) -> io::Result<Box<dyn Medium>> {
        let file = self.with(|state| match state.now.file(name) {
            Some(file) => Ok(file),
            None => {
                let file = state.now.next_file();
                state.change([Op::Make, Op::Name { name: name.to_owned(), file }])?;
                Ok(file)
            }
        })?;
        Ok(Box::new(SimFile { folder: self.clone(), file }))
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.with(|state| Ok(state.now.file(name).is_some()))
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.with(|state| Ok(state.now.file(name).map(|file| state.now.bytes(file).to_vec())))
    }

    fn create(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.with(|state| {
            let file = state.now.next_file();
            let name = Op::Name { name: name.to_owned(), file };
            let grow = Op::Length { file, length: bytes.len() };
            state.change([Op::Make, name, grow, Op::Write { file, at: 0, bytes: bytes.to_vec() }])
        })
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.with(|state| {
            let file = state.now.file(name).ok_or(io::ErrorKind::NotFound)?;
            state.change([Op::Flush { file }])
        })
    }

    fn sync_name(&self, _name: &str) -> io::Result<()> {
        self.with(|state| state.change([Op::FlushNames]))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.with(|state| {
            let file = state.now.file(from).ok_or(io::ErrorKind::NotFound)?;
            state.change([Op::Rename { from: from.to_owned(), to: to.to_owned(), file }])
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.with(|state| state.change([Op::Remove { name: name.to_owned() }]))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.with(|state| Ok(state.now.list(folder)))
    }
}

#[derive(Debug)]
struct SimFile {
    folder: SimFolder,
    file: usize,
}

impl Medium for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.folder.with(|state| Ok(state.now.bytes(self.file).len() as u64))
    }

    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.folder.with(|state| {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let bytes = state.now.bytes(self.file).get(at..at.saturating_add(out.len()));
            out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        self.folder.with(|state| {
            let end = at.saturating_add(bytes.len());
            let grows = end > state.now.bytes(self.file).len();
            let grow = grows.then_some(Op::Length { file: self.file, length: end });
            let write = Op::Write { file: self.file, at, bytes: bytes.to_vec() };
            state.change(grow.into_iter().chain([write]))
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let length = usize::try_from(len).map_err(|_| io::ErrorKind::StorageFull)?;
        self.folder.with(|state| state.change([Op::Length { file: self.file, length }]))
    }

    fn sync(&self) -> io::Result<()> {
        self.folder.with(|state| state.change([Op::Flush { file: self.file }]))
    }
}
