//! `mosaik ticket`: tokens.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use mosaik_runtime::{
    node::{Error, Result},
    primitives::{Clock, NodeRng, PeerId, Wall, keyfile},
    tickets::{
        Class, Denial, Shown,
        jwt::{Algorithm, Claims, Inspected, Jwt, KeyFile, KeySet, NumericDate, Signer, inspect},
    },
};
use serde_json::Value;

use super::{Answer, files, tell, words};
use crate::cli::{duration, print};

#[derive(Subcommand)]
pub(super) enum Ticket {
    /// Make a new key that signs tokens
    Key(NewKey),
    /// Make a token for one peer on one network
    Issue(Issue),
    /// Show what a token says, without checking anything
    Inspect {
        /// The file with the token, or - for what comes in
        file: PathBuf,
    },
    /// Check a token as a node would, and say what each check finds; ends with 1 if a node would refuse it
    Verify(Verify),
}

#[derive(Args)]
pub(super) struct NewKey {
    /// EdDSA, ES256, ES384, ES512, ES256K, HS256, HS384 or HS512
    #[arg(long, value_parser = algorithm, default_value = "EdDSA")]
    alg: Algorithm,
    /// The key's name; its tokens carry it, and checkers look for it
    #[arg(long, value_name = "NAME")]
    kid: Option<String>,
    /// Write the private key (of HS256 and its like the secret) to FILE, as JWK
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Write what checks its tokens to FILE, as a set of JWK: `keys = file("..")` of a proof
    #[arg(long, value_name = "FILE")]
    keys_file: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Issue {
    /// The key that signs, in PEM or JWK; nobody else may be able to read the file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The key's name, if it has another one than its file says
    #[arg(long, value_name = "NAME")]
    kid: Option<String>,
    /// Who makes the token (`iss`)
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// The network where it is valid (`aud`)
    #[arg(long, value_name = "NAME", required_unless_present = "audience")]
    network: Option<String>,
    /// Another audience; repeatable
    #[arg(long, value_name = "TEXT")]
    audience: Vec<String>,
    /// The peer that it is for (`sub`): 64 hex digits
    #[arg(long, value_name = "PEER ID", required_unless_present = "subject")]
    peer: Option<PeerId>,
    /// Another subject than a peer's id: whoever has such a token can show it
    #[arg(long, value_name = "TEXT", conflicts_with = "peer")]
    subject: Option<String>,
    /// How long it is valid: 30s, 10m, 24h
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "1h")]
    lifetime: Duration,
    /// Valid only after this time
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    after: Option<Duration>,
    /// The token's own id (`jti`), by which it can be revoked
    #[arg(long, value_name = "TEXT")]
    id: Option<String>,
    /// One more claim; VALUE is JSON, else a text; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, Value)>,
    /// Write it to FILE instead of printing it; a node that has the file sees the new one
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Verify {
    /// The file with the token, or - for what comes in
    file: PathBuf,
    /// The keys that are trusted: a set of JWK, a JWK, or public keys in PEM
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The network where it is shown
    #[arg(long, value_name = "NAME")]
    network: String,
    /// Who shows it; without, the subject is not looked at
    #[arg(long, value_name = "PEER ID")]
    peer: Option<PeerId>,
    /// Who must have made it; repeatable: one of them
    #[arg(long, value_name = "NAME")]
    issuer: Vec<String>,
    /// What it must name as its audience instead of the network
    #[arg(long, value_name = "TEXT")]
    audience: Option<String>,
    /// The longest time from when it was made to its end
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    max_lifetime: Option<Duration>,
    /// The longest time since it was made
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    max_age: Option<Duration>,
    /// A claim that it must have; VALUE is JSON, else a text; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, Value)>,
}

pub(super) fn run(command: Ticket) -> Result<Answer> {
    match command {
        Ticket::Key(new) => new.run(),
        Ticket::Issue(issue) => issue.run(),
        Ticket::Inspect { file } => {
            print(&shown(&inspect(files::read(&file)?.trim_ascii())?, Clock::system().wall()));
            Ok(Answer::Good)
        }
        Ticket::Verify(verify) => verify.run(),
    }
}

fn algorithm(text: &str) -> std::result::Result<Algorithm, String> {
    let known = || Algorithm::ALL.map(Algorithm::name).join(", ");
    Algorithm::from_name(text).ok_or_else(|| format!("it is none of {}", known()))
}

/// `desk=7`, `desk="seven"` or `desk=seven`
fn claim(text: &str) -> std::result::Result<(String, Value), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            Ok((name.to_owned(), value))
        }
        _ => Err("write NAME=VALUE, such as desk=7".to_owned()),
    }
}

impl NewKey {
    fn run(self) -> Result<Answer> {
        let mut signer = Signer::generate(self.alg, &mut NodeRng::from_system())?;
        if let Some(kid) = self.kid {
            signer = signer.named(kid);
        }
        keyfile::write_new(&self.key_file, &signer.to_jwk())?;
        let mut text = format!("wrote a new {} key to {}\n", self.alg, self.key_file.display());
        if let Some(path) = self.keys_file {
            keyfile::write_new(&path, &KeySet::new([signer.key()])?.to_jwks())?;
            let secret = if self.alg.least_secret().is_some() { ": the same secret, keep it" } else { "" };
            text.push_str(&format!("wrote what checks its tokens to {}{secret}\n", path.display()));
        }
        print(&text);
        Ok(Answer::Good)
    }
}

impl Issue {
    fn run(self) -> Result<Answer> {
        let mut signer = Signer::read(&self.key)?;
        if let Some(kid) = self.kid {
            signer = signer.named(kid);
        }
        let now = NumericDate::from(Clock::system().wall());
        let registered = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
        if let Some((name, _)) = self.claim.iter().find(|(name, _)| registered.contains(&&**name)) {
            return Err(Error::msg(format!("`{name}` has an option of its own: see `--help`")));
        }
        let begins = self.after.map(|after| NumericDate(now.0.saturating_add(after.as_secs())));
        let from = begins.unwrap_or(now).0;
        let claims = Claims {
            issuer: self.issuer,
            subject: self.subject.or_else(|| self.peer.map(|peer| peer.to_string())),
            audience: self.network.into_iter().chain(self.audience).collect(),
            expires: Some(NumericDate(from.saturating_add(self.lifetime.as_secs()))),
            not_before: begins,
            issued_at: Some(now),
            id: self.id,
            other: self.claim.into_iter().collect(),
        };
        let token = signer.issue(&claims)?;
        match self.out {
            None => print(&format!("{token}\n")),
            Some(path) => {
                files::replace(&path, format!("{token}\n").as_bytes())?;
                print(&format!(
                    "wrote a token to {}: good for {}\n",
                    path.display(),
                    words::length(self.lifetime)
                ));
            }
        }
        Ok(Answer::Good)
    }
}

/// A token in lines for people.
fn shown(token: &Inspected, now: Wall) -> String {
    let Inspected { algorithm, kid, claims } = token;
    let mut lines = vec![
        "Nothing of this was checked: anybody can write such a token. `mosaik ticket verify` checks."
            .to_owned(),
        line("algorithm", algorithm.name()),
    ];
    let mut say = |name: &str, value: Option<String>| {
        lines.push(line(name, value.as_deref().unwrap_or("not said")));
    };
    let date = |date: Option<NumericDate>| date.map(|date| words::when(date.0, now));
    say("key", kid.clone());
    say("issuer", claims.issuer.clone());
    say("subject", claims.subject.clone());
    say("audience", Some(claims.audience.join(", ")).filter(|all| !all.is_empty()));
    say("made", date(claims.issued_at));
    if claims.not_before.is_some() {
        say("begins", date(claims.not_before));
    }
    say("ends", date(claims.expires));
    if claims.id.is_some() {
        say("id", claims.id.clone());
    }
    lines.extend(claims.other.iter().map(|(name, value)| line(name, &value.to_string())));
    match claims.expires {
        Some(end) if end.wall() <= now => lines.push("It is over, if it is genuine.".to_owned()),
        Some(_) => {}
        None => lines.push("It has no end: nodes refuse it.".to_owned()),
    }
    lines.join("\n") + "\n"
}

/// What a token says is its maker's: it must not write lines of its own.
fn line(name: &str, value: &str) -> String {
    let plain = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    format!("{:<10} {}", plain(name), plain(value))
}

impl Verify {
    fn run(self) -> Result<Answer> {
        let mut jwt = Jwt::from_file("the token", KeyFile::new(&self.keys))?;
        jwt = self.issuer.iter().fold(jwt, Jwt::issuer);
        jwt = self.claim.into_iter().fold(jwt, |jwt, (name, value)| jwt.claim(name, value));
        if let Some(audience) = self.audience {
            jwt = jwt.audience(audience);
        }
        if let Some(longest) = self.max_lifetime {
            jwt = jwt.max_lifetime(longest);
        }
        if let Some(oldest) = self.max_age {
            jwt = jwt.max_age(oldest);
        }
        if self.peer.is_none() {
            jwt = jwt.any_subject();
        }
        let bytes = files::read(&self.file)?;
        let ticket = mosaik_runtime::tickets::Ticket::new(Class::jwt(), bytes.trim_ascii().to_vec())?;
        let (now, peer) = (Clock::system().wall(), self.peer.unwrap_or(PeerId::from_bytes([0; 32])));
        let shown = Shown { ticket: &ticket, peer, network: &self.network, now };
        let checks = jwt.report(shown).into_iter().map(|(what, found)| {
            let found = found.map(|()| match what {
                "subject" if self.peer.is_none() => "not looked at, for there is no --peer".to_owned(),
                _ => String::new(),
            });
            (what, found.map_err(|error| Denial::from(error).to_string()))
        });
        let verdict = match jwt.check(shown) {
            Ok((_, valid)) => {
                Ok(format!("the token is good until {}", words::when(valid.until.0 / 1000, now)))
            }
            Err(error) => Err(Error::msg(Denial::from(error))),
        };
        Ok(tell(checks.collect(), verdict))
    }
}
