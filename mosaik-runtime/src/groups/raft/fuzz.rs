//! What fuzz targets hold the translation to.

use super::translate::{appended, raft_appended};
use crate::groups::wire::Appended;

/// Entries of a peer become openraft's, or are refused; what becomes of them says the same.
pub(in crate::groups) fn fuzz_appended(sent: Appended) {
    if let Ok(request) = raft_appended(sent.clone()) {
        let again = appended(request);
        assert_eq!((again.vote, again.before, again.committed), (sent.vote, sent.before, sent.committed));
        assert_eq!(again.entries.len(), sent.entries.len());
    }
}
