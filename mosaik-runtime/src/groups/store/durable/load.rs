//! Opening the database: whose is it, in which format, and is all of it as it was written?

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use redb::{Builder, Database, ReadTransaction, ReadableDatabase, ReadableTable};

use super::{Disk, GROUPS, IDENTITY, LOG, META, Mark, NOTES, SEQUENCE, failed, sealed};
use crate::{
    groups::store::{
        core::{mirror::Mirror, row::Row, sizes::Sizes},
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

/// What was found.
pub(in crate::groups::store) struct Loaded {
    pub(in crate::groups::store) disk: Disk,
    pub(in crate::groups::store) identity: Identity,
    pub(in crate::groups::store) groups: BTreeMap<WireId, Mirror>,
}

/// Opens the database of `owner`, or makes one with the id `fresh`.
pub(in crate::groups::store) fn load(
    files: &Guarded,
    owner: PeerId,
    fresh: StoreId,
) -> Result<Loaded, OpenError> {
    // The database may panic on pages that verify and make no sense.
    let loaded = catch_unwind(AssertUnwindSafe(|| try_load(files, owner, fresh)));
    let loaded = loaded.unwrap_or_else(|panic| Err(StoreError::damaged(panic_text(&*panic)).into()));
    // What failed underneath says more than what the database made of it.
    loaded.map_err(|error| match (error, files.health().check()) {
        (OpenError::Store(_), Err(first)) => first.into(),
        (error, _) => error,
    })
}

fn try_load(files: &Guarded, owner: PeerId, fresh: StoreId) -> Result<Loaded, OpenError> {
    if !files.exists(NAME)? {
        create(files, &Identity { format: FORMAT, owner, store: fresh })?;
    }
    let db = Arc::new(database(files, NAME)?);
    let (mark, marked) = Mark::open(files)?;
    let mut disk = Disk { db, rows: BTreeMap::new(), sequence: 0, mark, health: files.health().clone() };
    let transaction = disk.db.begin_read().map_err(|error| failed(error.into()))?;
    let identity = read_identity(&transaction)?;
    if identity.format > FORMAT {
        return Err(OpenError::Newer { found: identity.format, known: FORMAT });
    }
    if identity.owner != owner {
        return Err(OpenError::OtherNode { found: identity.owner, own: owner });
    }
    disk.sequence = read_sequence(&transaction)?;
    if let Some(marked) = marked.filter(|marked| *marked > disk.sequence) {
        let (lost, have) = (marked, disk.sequence);
        return Err(StoreError::damaged(format_args!(
            "batch {lost} was acknowledged, and batch {have} is the last"
        ))
        .into());
    }
    disk.rows = read_rows(&transaction)?;
    let mut notes = read_notes(&transaction)?;
    let mut sizes = check_logs(&transaction, &disk.rows)?;
    drop(transaction);
    let rows = disk.rows.iter();
    let groups = rows.map(|(group, row)| {
        let (notes, sizes) =
            (notes.remove(group).unwrap_or_default(), sizes.remove(group).unwrap_or_default());
        (*group, Mirror::found(row.clone(), notes, sizes))
    });
    let groups = groups.collect();
    match notes.is_empty() {
        true => Ok(Loaded { disk, identity, groups }),
        false => Err(StoreError::damaged("it has notes of a group that it does not have").into()),
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

fn read_identity(transaction: &ReadTransaction) -> Result<Identity, StoreError> {
    let meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
    let found = meta.get(IDENTITY).map_err(|error| failed(error.into()))?;
    let found = found.ok_or_else(|| StoreError::damaged("it does not say whose it is"))?;
    seal::open(Place { table: "meta", key: IDENTITY.as_bytes() }, found.value()).map_err(StoreError::damaged)
}

fn fill(db: &Database, identity: &Identity) -> Result<(), StoreError> {
    let transaction = db.begin_write().map_err(|error| failed(error.into()))?;
    {
        let mut meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
        let bytes = sealed(Place { table: "meta", key: IDENTITY.as_bytes() }, identity)?;
        meta.insert(IDENTITY, bytes.as_slice()).map_err(|error| failed(error.into()))?;
        let bytes = sealed(Place { table: "meta", key: SEQUENCE.as_bytes() }, &0u64)?;
        meta.insert(SEQUENCE, bytes.as_slice()).map_err(|error| failed(error.into()))?;
        transaction.open_table(GROUPS).map_err(|error| failed(error.into()))?;
        transaction.open_table(LOG).map_err(|error| failed(error.into()))?;
        transaction.open_table(NOTES).map_err(|error| failed(error.into()))?;
    }
    transaction.commit().map_err(|error| failed(error.into()))
}

fn read_sequence(transaction: &ReadTransaction) -> Result<u64, StoreError> {
    let meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
    let found = meta.get(SEQUENCE).map_err(|error| failed(error.into()))?;
    let found = found.ok_or_else(|| StoreError::damaged("it does not say which batch was the last"))?;
    seal::open(Place { table: "meta", key: SEQUENCE.as_bytes() }, found.value()).map_err(StoreError::damaged)
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

/// Makes a database look as if another version had written it.
#[cfg(test)]
pub(in crate::groups::store) fn set_format(path: &std::path::Path, format: u32, owner: PeerId) {
    let db = Database::open(path).expect("a database");
    fill(&db, &Identity { format, owner, store: StoreId(1) }).expect("written");
}
