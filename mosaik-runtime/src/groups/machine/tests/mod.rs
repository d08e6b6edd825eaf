//! Tests of machines, and the machine that they share.

mod golden;
