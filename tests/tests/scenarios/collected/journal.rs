//! What the log of the group said and what the clients were told, and whether both are what a model does.

use std::collections::BTreeMap;

use mosaik_runtime::{
    collections::machine::{Operation, Request, Told},
    groups::Version,
    node::{Error, Result},
};

use super::model::{Model, PARTS};

/// A promise that was broken: the label of what must hold, and what happened.
pub(super) fn broken(label: &str, what: String) -> Error {
    Error::msg(format!("{label}: {what}"))
}

/// What came of a client's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It took place: in this entry of the log, with these answers.
    Done(u64, Vec<Vec<u8>>),
    /// It did not take place, as it says; the entry of the log, if the client was told it.
    Aborted(Option<u64>, Vec<u8>),
    /// It surely had no effect.
    Refused,
    /// Nobody knows.
    Open,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    now: u64,
    requests: Vec<Request>,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: BTreeMap<u64, Entry>,
    calls: Vec<(Vec<Operation>, Outcome)>,
    /// The bytes of one container, as somebody saw them: by entry of the log and place.
    sights: BTreeMap<(u64, usize), Vec<u8>>,
    era: Option<mosaik_runtime::groups::Era>,
}

impl Journal {
    /// A node applied an entry.
    pub(super) fn applied(&mut self, version: Version, now: u64, requests: Vec<Request>) -> Result<()> {
        if *self.era.get_or_insert(version.era) != version.era {
            return Err(broken("C1", format!("the group was born again: {version}")));
        }
        let entry = Entry { now, requests };
        match self.entries.get(&version.index) {
            Some(other) if *other != entry => Err(broken(
                "C3",
                format!("two nodes applied different entries at {version}: {other:?}, {entry:?}"),
            )),
            Some(_) => Ok(()),
            None => {
                self.entries.insert(version.index, entry);
                Ok(())
            }
        }
    }

    /// A client is about to ask; returns the number of the call.
    pub(super) fn calls(&mut self, operations: Vec<Operation>) -> usize {
        self.calls.push((operations, Outcome::Open));
        self.calls.len() - 1
    }

    /// What came of it.
    pub(super) fn came(&mut self, call: usize, outcome: Outcome) {
        self.calls[call].1 = outcome;
    }

    /// Somebody saw a container at a version.
    pub(super) fn sees(&mut self, index: u64, part: usize, bytes: Vec<u8>) -> Result<()> {
        match self.sights.get(&(index, part)) {
            Some(other) if *other != bytes => {
                Err(broken("C3", format!("container {part} has other bytes on another node at {index}")))
            }
            Some(_) => Ok(()),
            None => {
                self.sights.insert((index, part), bytes);
                Ok(())
            }
        }
    }

    /// How many operations were in the log, how many calls were acknowledged, and how many containers were looked at.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let operations = |request: &Request| match request {
            Request::Operations(operations) => operations.len(),
            Request::Expire => 0,
        };
        let logged = self.entries.values().flat_map(|entry| &entry.requests).map(operations).sum();
        let done = self.calls.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Done(..)));
        (logged, done.count(), self.sights.len())
    }

    /// C3, C4, C5: the model does what the log says; clients were told what it answers, and copies were what it is.
    pub(super) fn balances(&self) -> Result<Model> {
        let (mut model, mut said) = (Model::default(), BTreeMap::<u64, Vec<(&[Operation], Told)>>::new());
        let mut sights = self.sights.iter().peekable();
        for (index, entry) in &self.entries {
            if sights.peek().is_some_and(|((at, _), _)| at < index) {
                let must = model.bytes();
                while let Some(((at, part), bytes)) = sights.next_if(|((at, _), _)| at < index) {
                    looks_like(&must, *part, bytes, *at)?;
                }
            }
            for request in &entry.requests {
                let told = model.request(request, entry.now);
                if let Request::Operations(operations) = request {
                    said.entry(*index).or_default().push((operations, told));
                }
            }
        }
        let must = model.bytes();
        for ((at, part), bytes) in sights {
            looks_like(&must, *part, bytes, *at)?;
        }
        self.were_told(said)?;
        Ok(model)
    }

    fn were_told(&self, mut said: BTreeMap<u64, Vec<(&[Operation], Told)>>) -> Result<()> {
        // Calls whose entry is known, then those of which anything may be true.
        for (operations, outcome) in &self.calls {
            let Outcome::Done(index, answers) = outcome else { continue };
            let there = said.entry(*index).or_default();
            let same = |(asked, told): &(&[Operation], Told)| {
                let Told::Done(found) = told else { return false };
                asked == operations
                    && found.iter().map(|answer| &answer[..]).eq(answers.iter().map(|a| &a[..]))
            };
            match there.iter().position(same) {
                Some(at) => _ = there.swap_remove(at),
                None => {
                    let what =
                        format!("{operations:?} at {index} was told {answers:?}, and there is {there:?}");
                    return Err(broken("C4", what));
                }
            }
        }
        let mut left: Vec<(u64, (&[Operation], Told))> = said
            .into_iter()
            .flat_map(|(index, told)| told.into_iter().map(move |told| (index, told)))
            .collect();
        // Those whose entry is known choose first.
        let aborted = |known: bool| {
            self.calls.iter().filter_map(move |(operations, outcome)| match outcome {
                Outcome::Aborted(index, answer) if index.is_some() == known => {
                    Some((operations, index, answer))
                }
                _ => None,
            })
        };
        for (operations, index, answer) in aborted(true).chain(aborted(false)) {
            let same = |(at, (asked, told)): &(u64, (&[Operation], Told))| {
                let Told::Aborted { answer: found, .. } = told else { return false };
                asked == operations && found[..] == answer[..] && index.is_none_or(|index| index == *at)
            };
            match left.iter().position(same) {
                Some(at) => _ = left.swap_remove(at),
                None => {
                    let what = format!("{operations:?} was told at {index:?} that it did not take place");
                    return Err(broken("C4", what));
                }
            }
        }
        for (_, (operations, told)) in left {
            let open =
                self.calls.iter().filter(|(asked, outcome)| asked == operations && *outcome == Outcome::Open);
            if open.count() == 0 {
                return Err(broken(
                    "R8",
                    format!("{operations:?} was applied and nobody waits for it: {told:?}"),
                ));
            }
        }
        Ok(())
    }
}

fn looks_like(must: &[Vec<u8>; PARTS.len()], part: usize, bytes: &[u8], index: u64) -> Result<()> {
    match must[part] == bytes {
        true => Ok(()),
        false => Err(broken("C5", format!("{} at {index} is not what its log makes of it", PARTS[part]))),
    }
}
