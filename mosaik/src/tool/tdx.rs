//! `mosaik tdx`: measurements and quotes.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use mosaik_runtime::{
    node::{Error, Result},
    primitives::{Clock, NetworkId, PeerId, Wall},
    tickets::{
        Class, Shown, Ticket,
        tdx::{
            Collateral, CollateralDirectory, Prover, Quoter, Required, Root, Tdx as Validator, Tsm, Variants,
            measure, quote_of,
            simulated::{DEVELOPMENT, Td, prover},
        },
    },
};

use super::{Answer, files, tell, words};
use crate::cli::{duration, print};

const DAY: &str = "24h";

#[derive(Subcommand)]
pub(super) enum Tdx {
    /// Write the measurements of this machine, or of a quote: `measurements = file("..")` of a proof
    Measure(Measure),
    /// Make a ticket for one peer on one network: a quote of this machine
    Quote(Quote),
    /// Check a ticket as a node would, and say what each check finds; ends with 1 if a node would refuse it
    Verify(Verify),
}

#[derive(Args)]
pub(super) struct Measure {
    /// What to call the image
    #[arg(long, value_name = "NAME", default_value = "image")]
    name: String,
    /// Read a quote, or a ticket with one, instead of asking this machine
    #[arg(long, value_name = "FILE", conflicts_with = "simulated")]
    quote: Option<PathBuf>,
    /// Measure this image of the simulated platform, which proves nothing; a program's image has the name of its file
    #[arg(long, value_name = "IMAGE")]
    simulated: Option<String>,
    /// Write to FILE instead of printing
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Quote {
    /// The network where it is shown
    #[arg(long, value_name = "NAME")]
    network: String,
    /// The peer that it is for: 64 hex digits
    #[arg(long, value_name = "PEER ID")]
    peer: PeerId,
    /// What Intel publishes about the platform, as JSON, for verifiers that have none
    #[arg(long, value_name = "FILE")]
    collateral: Option<PathBuf>,
    /// Quote this image of the simulated platform, which proves nothing
    #[arg(long, value_name = "IMAGE", conflicts_with = "collateral")]
    simulated: Option<String>,
    /// Write the ticket to FILE
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Args)]
pub(super) struct Verify {
    /// The file with the ticket
    file: PathBuf,
    /// The images that are accepted
    #[arg(long, value_name = "FILE")]
    measurements: PathBuf,
    /// The network where it is shown
    #[arg(long, value_name = "NAME")]
    network: String,
    /// Who shows it
    #[arg(long, value_name = "PEER ID")]
    peer: PeerId,
    /// Look for what Intel publishes about platforms in the JSON files of DIR, before what the ticket brings
    #[arg(long, value_name = "DIR")]
    collateral: Option<PathBuf>,
    /// The longest time since the quote was made
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = DAY)]
    max_age: Duration,
    /// Trust the simulated platform instead of Intel: for development alone
    #[arg(long)]
    simulated: bool,
}

pub(super) fn run(command: Tdx) -> Result<Answer> {
    match command {
        Tdx::Measure(measure) => measure.run(),
        Tdx::Quote(quote) => quote.run(Clock::system().wall()),
        Tdx::Verify(verify) => verify.run(Clock::system().wall()),
    }
}

impl Measure {
    fn run(self) -> Result<Answer> {
        let (variant, of) = match (&self.simulated, &self.quote) {
            (Some(image), _) => (Td::image(image).variant(&self.name), "the simulated platform"),
            (None, Some(path)) => {
                let bytes = files::read(path)?;
                let quote = quote_of(&bytes).map_or(bytes, |quote| quote.to_vec());
                (measure(&quote, &self.name)?, "a quote that was not checked")
            }
            // What it is over does not matter: the measurements are the same.
            (None, None) => (measure(&Tsm::default().quote(&[0; 64])?, &self.name)?, "this machine"),
        };
        let text = format!("# Measured of {of}.\n{}", Variants::new([variant])?);
        match self.out {
            None => print(&text),
            Some(path) => {
                files::replace(&path, text.as_bytes())?;
                print(&format!("wrote the measurements of {of} to {}\n", path.display()));
            }
        }
        Ok(Answer::Good)
    }
}

impl Quote {
    fn run(self, now: Wall) -> Result<Answer> {
        let network = NetworkId::derive(&self.network);
        let prover = match (&self.simulated, &self.collateral) {
            (Some(image), _) => prover(Td::image(image), network, self.peer, now)?,
            (None, Some(path)) => {
                let collateral = Collateral::from_json(&files::read(path)?)?;
                Prover::new(Tsm::default(), network, self.peer).with_collateral(collateral)
            }
            (None, None) => Prover::new(Tsm::default(), network, self.peer),
        };
        let ticket = prover.prove(now)?;
        files::replace(&self.out, ticket.bytes())?;
        let (peer, path) = (self.peer.short(), self.out.display());
        let simulated = if self.simulated.is_some() { ", simulated: it proves nothing" } else { "" };
        print(&format!(
            "wrote a ticket for {peer} on {} to {path}, made {}{simulated}\n",
            self.network,
            words::date(now.0 / 1000)
        ));
        Ok(Answer::Good)
    }
}

impl Verify {
    fn run(self, now: Wall) -> Result<Answer> {
        let text = String::from_utf8(files::read(&self.measurements)?)?;
        let variants: Variants =
            text.parse().map_err(|error| Error::msg(format!("{}: {error}", self.measurements.display())))?;
        let root = if self.simulated { Root::Simulated(DEVELOPMENT) } else { Root::Intel };
        let mut tdx = Validator::new("the ticket", Required::new(variants).root(root).max_age(self.max_age));
        if let Some(directory) = &self.collateral {
            tdx = tdx.collateral(CollateralDirectory::read(directory)?);
        }
        let ticket = Ticket::new(Class::tdx(), files::read(&self.file)?)?;
        let shown = Shown { ticket: &ticket, peer: self.peer, network: &self.network, now };
        let checks = tdx.report(shown).into_iter();
        let checks = checks.map(|(what, found)| (what, found.map_err(|denial| denial.to_string())));
        let simulated = if self.simulated { " (the platform is simulated: it proves nothing)" } else { "" };
        let verdict = match tdx.check(shown) {
            Ok(valid) => {
                Ok(format!("the ticket is good until {}{simulated}", words::when(valid.until.0 / 1000, now)))
            }
            Err(denial) => Err(denial.into()),
        };
        Ok(tell(checks.collect(), verdict))
    }
}
