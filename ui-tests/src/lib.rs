//! One mistake, one short file, one error.
