//! The programs of the book; each runs with one command.
