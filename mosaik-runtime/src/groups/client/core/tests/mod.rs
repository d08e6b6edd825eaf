//! The pump against a model of a group: step by step, and with leaders that lose, repeat and reorder what is sent.

mod group;
mod model;
mod steps;
