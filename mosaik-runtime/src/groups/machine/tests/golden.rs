//! Bytes that are promises.

use crate::groups::machine::{COMMAND, Method};

#[test]
fn methods_have_golden_ids() {
    assert_eq!(Method::id_of("command"), COMMAND);
}
