//! Opening a store: whose is it, in which format, is all of it as it was written, and what has only its journal?

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use redb::{Builder, Database, ReadTransaction, ReadableDatabase, ReadableTable};

use super::{
    Disk, GROUPS, IDENTITY, JOURNAL, LOG, META, Mark, NOTES, SEQUENCE, failed,
    fold::{Opening, Turn, put_meta},
    folder::{Folder, Folds},
    journal::{self, Batch, Journal, Life, Owner},
};
use crate::{
    groups::store::{
        core::{
            mirror::Mirror,
            row::{Row, Write},
            sizes::Sizes,
        },
        error::{OpenError, StoreError},
        files::Guarded,
        record::{Entry, FORMAT, Identity, StoreId},
        seal::{self, Place},
    },
    primitives::{PeerId, WireId, scope::panic_text},
};

const NAME: &str = "log.redb";
const DRAFT: &str = "log.redb.new";

/// How much of the database stays in memory; little in tests, so that they read from their disks.
const CACHE: usize = if cfg!(test) { 64 << 10 } else { 16 << 20 };

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub(in crate::groups::store) struct Wanted {
    /// Who opens it.
    pub(in crate::groups::store) owner: PeerId,
    /// The id of the store if it is a new one.
    pub(in crate::groups::store) fresh: StoreId,
    /// A number that nobody else knows.
    pub(in crate::groups::store) nonce: u64,
    /// How many bytes the journal has.
    pub(in crate::groups::store) journal: usize,
    pub(in crate::groups::store) folds: Folds,
}

/// What was found.
pub(in crate::groups::store) struct Loaded {
    pub(in crate::groups::store) disk: Disk,
    pub(in crate::groups::store) identity: Identity,
    pub(in crate::groups::store) groups: BTreeMap<WireId, Mirror>,
}

/// Opens the store, or makes it.
pub(in crate::groups::store) fn load(files: &Guarded, wanted: &Wanted) -> Result<Loaded, OpenError> {
    // The database may panic on pages that verify and make no sense.
    let loaded = catch_unwind(AssertUnwindSafe(|| try_load(files, wanted)));
    let loaded = loaded.unwrap_or_else(|panic| Err(StoreError::damaged(panic_text(&*panic)).into()));
    // What failed underneath says more than what the database made of it.
    loaded.map_err(|error| match (error, files.health().check()) {
        (OpenError::Store(_), Err(first)) => first.into(),
        (error, _) => error,
    })
}

fn try_load(files: &Guarded, wanted: &Wanted) -> Result<Loaded, OpenError> {
    if !files.exists(NAME)? {
        create(files, &Identity { format: FORMAT, owner: wanted.owner, store: wanted.fresh })?;
    }
    let db = Arc::new(database(files, NAME)?);
    let (mut mark, marked) = Mark::open(files)?;
    let transaction = db.begin_read().map_err(|error| failed(error.into()))?;
    let identity = read_identity(&transaction)?;
    if identity.format > FORMAT {
        return Err(OpenError::Newer { found: identity.format, known: FORMAT });
    }
    if identity.owner != wanted.owner {
        return Err(OpenError::OtherNode { found: identity.owner, own: wanted.owner });
    }
    let sequence = read_sequence(&transaction)?;
    let left = read_life(&transaction)?.map(|life| Owner { store: identity.store, life });
    let mut groups = read_groups(&transaction)?;
    drop(transaction);
    let batches = left.map(|left| journal::read(files, left, sequence)).transpose()?.unwrap_or_default();
    let last = sequence + batches.len() as u64;
    if let Some(marked) = marked.filter(|marked| *marked > last) {
        return Err(StoreError::damaged(format_args!(
            "batch {marked} was acknowledged, and batch {last} is the last"
        ))
        .into());
    }
    let mut turn = replay(&mut groups, batches)?;

    // All of it is sound. A new life begins, which needs nothing of the journal.
    let life = Life { opened: last + 1, nonce: wanted.nonce };
    turn.last = life.opened;
    if left.is_none() {
        journal::make(files, wanted.journal)?;
    }
    let identity = Identity { format: FORMAT, ..identity };
    let mut folder = Folder::new(db.clone(), files.health().clone(), wanted.folds);
    folder.now(&turn, Some(&Opening { identity, life }))?;
    mark.set(life.opened)?;
    mark.flush()?;
    groups.values_mut().for_each(Mirror::all_folded);
    let journal = Journal::open(files, Owner { store: identity.store, life }, wanted.journal)?;
    let rows = groups.iter().map(|(group, mirror)| (*group, mirror.row.clone()));
    let (rows, turn, turns) = (rows.collect(), Turn::default(), folder.done());
    let health = files.health().clone();
    let disk = Disk { db, rows, sequence: life.opened, journal, turn, turns, folder, mark, health };
    Ok(Loaded { disk, identity, groups })
}

/// Does again what only the journal has.
fn replay(groups: &mut BTreeMap<WireId, Mirror>, batches: Vec<Batch>) -> Result<Turn, StoreError> {
    let mut turn = Turn::default();
    for (group, write) in batches.into_iter().flatten() {
        let mirror = groups.entry(group).or_default();
        let before = mirror.row.indices();
        mirror.apply(&write).map_err(StoreError::damaged)?;
        let forgotten = matches!(write, Write::Forget);
        turn.take(group, before, &write, (!forgotten).then_some(&mirror.row));
        if forgotten {
            groups.remove(&group);
        }
    }
    Ok(turn)
}

fn read_groups(transaction: &ReadTransaction) -> Result<BTreeMap<WireId, Mirror>, StoreError> {
    let rows = read_rows(transaction)?;
    let mut notes = read_notes(transaction)?;
    let mut sizes = check_logs(transaction, &rows)?;
    let groups = rows.into_iter().map(|(group, row)| {
        let (notes, sizes) =
            (notes.remove(&group).unwrap_or_default(), sizes.remove(&group).unwrap_or_default());
        (group, Mirror::found(row, notes, sizes))
    });
    let groups = groups.collect();
    match notes.is_empty() {
        true => Ok(groups),
        false => Err(StoreError::damaged("it has notes of a group that it does not have")),
    }
}

fn database(files: &Guarded, name: &'static str) -> Result<Database, StoreError> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder.create_with_backend(files.open(name)?).map_err(|error| failed(error.into()))
}

/// Makes an empty database under another name, which is given its own only when all of it is on disk: what is found under that name
/// was whole once.
fn create(files: &Guarded, identity: &Identity) -> Result<(), OpenError> {
    let (mark, marked) = Mark::open(files)?;
    if marked.is_some() {
        return Err(StoreError::damaged("its database is gone").into());
    }
    drop(mark);
    files.remove(DRAFT)?;
    let db = database(files, DRAFT)?;
    fill(&db, identity)?;
    drop(db);
    files.sync(DRAFT)?;
    Ok(files.rename(DRAFT, NAME)?)
}

fn fill(db: &Database, identity: &Identity) -> Result<(), StoreError> {
    let transaction = db.begin_write().map_err(|error| failed(error.into()))?;
    {
        let mut meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
        put_meta(&mut meta, IDENTITY, identity)?;
        put_meta(&mut meta, SEQUENCE, &0u64)?;
        transaction.open_table(GROUPS).map_err(|error| failed(error.into()))?;
        transaction.open_table(LOG).map_err(|error| failed(error.into()))?;
        transaction.open_table(NOTES).map_err(|error| failed(error.into()))?;
    }
    transaction.commit().map_err(|error| failed(error.into()))
}

fn read_identity(transaction: &ReadTransaction) -> Result<Identity, StoreError> {
    read_meta(transaction, IDENTITY)?.ok_or_else(|| StoreError::damaged("it does not say whose it is"))
}

fn read_sequence(transaction: &ReadTransaction) -> Result<u64, StoreError> {
    let found = read_meta(transaction, SEQUENCE)?;
    found.ok_or_else(|| StoreError::damaged("it does not say which batch was the last"))
}

/// Whose records the journal has; none before the first life that had one.
fn read_life(transaction: &ReadTransaction) -> Result<Option<Life>, StoreError> {
    read_meta(transaction, JOURNAL)
}

fn read_meta<T: serde::de::DeserializeOwned>(
    transaction: &ReadTransaction,
    name: &'static str,
) -> Result<Option<T>, StoreError> {
    let meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
    let found = meta.get(name).map_err(|error| failed(error.into()))?;
    let place = Place { table: "meta", key: name.as_bytes() };
    found.map(|found| seal::open(place, found.value()).map_err(StoreError::damaged)).transpose()
}

fn read_rows(transaction: &ReadTransaction) -> Result<BTreeMap<WireId, Row>, StoreError> {
    let groups = transaction.open_table(GROUPS).map_err(|error| failed(error.into()))?;
    let mut rows = BTreeMap::new();
    for record in groups.iter().map_err(|error| failed(error.into()))? {
        let (key, value) = record.map_err(|error| failed(error.into()))?;
        let key = *key.value();
        let row =
            seal::open(Place { table: "groups", key: &key }, value.value()).map_err(StoreError::damaged)?;
        rows.insert(WireId::from_bytes(key), row);
    }
    Ok(rows)
}

type Notes = BTreeMap<WireId, BTreeMap<String, Bytes>>;

fn read_notes(transaction: &ReadTransaction) -> Result<Notes, StoreError> {
    let table = transaction.open_table(NOTES).map_err(|error| failed(error.into()))?;
    let mut notes = Notes::new();
    for record in table.iter().map_err(|error| failed(error.into()))? {
        let (key, value) = record.map_err(|error| failed(error.into()))?;
        let value: Vec<u8> = seal::open(Place { table: "notes", key: key.value() }, value.value())
            .map_err(StoreError::damaged)?;
        let parts = key.value().split_first_chunk::<32>();
        let name = parts.and_then(|(group, name)| Some((*group, String::from_utf8(name.to_vec()).ok()?)));
        let (group, name) = name.ok_or_else(|| StoreError::damaged("a note has no name"))?;
        notes.entry(WireId::from_bytes(group)).or_default().insert(name, value.into());
    }
    Ok(notes)
}

/// Whether the log has as many entries as the rows say, and every one of them opens; and how large they are.
fn check_logs(
    transaction: &ReadTransaction,
    rows: &BTreeMap<WireId, Row>,
) -> Result<BTreeMap<WireId, Sizes>, StoreError> {
    let log = transaction.open_table(LOG).map_err(|error| failed(error.into()))?;
    let mut expected = rows.iter().flat_map(|(group, row)| row.indices().map(|index| (*group, index)));
    let mut sizes: BTreeMap<WireId, Sizes> = BTreeMap::new();
    for record in log.iter().map_err(|error| failed(error.into()))? {
        let (key, value) = record.map_err(|error| failed(error.into()))?;
        let key = *key.value();
        let expected = expected.next().filter(|(group, index)| super::log_key(group, *index) == key);
        let Some((group, index)) = expected else {
            return Err(StoreError::damaged("a log does not have the entries that it should have"));
        };
        let place = Place { table: "log", key: &key };
        let entry: Entry = seal::open(place, value.value()).map_err(StoreError::damaged)?;
        sizes.entry(group).or_default().push(index, entry.size());
    }
    match expected.next() {
        None => Ok(sizes),
        Some(_) => Err(StoreError::damaged("a log has fewer entries than it should have")),
    }
}

/// Makes a database look as if the first format had been written, which knew no journal.
#[cfg(test)]
pub(in crate::groups::store) fn make_first_format(files: &Guarded) {
    let db = database(files, NAME).expect("a database");
    let mut identity = read_identity(&db.begin_read().expect("reads")).expect("a store");
    identity.format = 1;
    let transaction = db.begin_write().expect("works");
    {
        let mut meta = transaction.open_table(META).expect("works");
        put_meta(&mut meta, IDENTITY, &identity).expect("works");
        meta.remove(JOURNAL).expect("works");
    }
    transaction.commit().expect("works");
    files.remove(journal::NAME).expect("works");
}

/// Makes a database look as if another version had written it.
#[cfg(test)]
pub(in crate::groups::store) fn set_format(path: &std::path::Path, format: u32, owner: PeerId) {
    let db = Database::open(path).expect("a database");
    fill(&db, &Identity { format, owner, store: StoreId(1) }).expect("written");
}
