//! Real processes: what the command line promises, and programs that meet. Traffic stays on loopback, and every test has a
//! rendezvous directory of its own.

mod chat;
mod command_line;
mod killed;
mod ledger;
mod meeting;
mod orderbook;
mod pages;
mod paused;
mod prices;
mod programs;
mod refusals;
mod tickets;
