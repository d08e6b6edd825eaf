//! A dark pool: only desks with a token of the house may send orders, and only the attested matcher may read them.
//!
//! `cargo run --example attested` runs everybody in one process: a desk whose token is renewed, a visitor whose token is not, a
//! forger who signs with a key of his own, and a spy who runs another image than the matcher. Keys are made at the start in a
//! directory that goes away at the end. The matcher's platform is simulated, which proves nothing and needs no hardware; on a TDX
//! guest it is real with `--features hardware`. With `MOSAIK_CONFIG_DIR` the keys and measurements are your own: docs/tickets.md
//! shows how to make them with the command `mosaik`.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use futures::future::{Either, select};
use mosaik::{
    node::{TicketSources, Wanted},
    prelude::*,
    primitives::{NodeRng, PeerId},
    streams::{Event, Left},
    tickets::{
        Class, Ticket,
        jwt::{Algorithm, Claims, KeySet, NumericDate, Signer},
        tdx::{
            Variants,
            simulated::{Td, image, prover},
        },
    },
};

/// The matcher's image: what runs, and that nobody looks into it while it does. The measurements are the verifier's data.
#[cfg_attr(
    not(feature = "hardware"),
    proof(tdx, measurements = file("matcher.measurements"), max_age = "24h", platform = simulated)
)]
#[cfg_attr(
    feature = "hardware",
    proof(tdx, measurements = file("matcher.measurements"), collateral = file("collateral"), max_age = "24h")
)]
pub struct MatcherImage;

/// A token of the house: who has one is a desk.
#[proof(jwt, issuer = "desk", keys = file("desk.jwks"))]
pub struct DeskTicket;

/// A sealed order: desks may send, only the attested matcher may read.
#[stream("dark.orders", require(producers = DeskTicket, consumers = MatcherImage & tag("matcher")), max_consumers = 4)]
pub struct Order {
    pub number: u64,
}

/// What became of an order, for everybody to see.
#[stream("dark.fills")]
pub struct Fill {
    pub text: String,
}

/// Sends orders. Its token is good for a few seconds, and a new one takes its place in time.
#[mosaik::node(network = "dark", tags = ["desk"], proves = DeskTicket)]
async fn desk(orders: Producer<Order>, shutdown: Shutdown) -> mosaik::Result<()> {
    send(orders, shutdown).await
}

/// Reads orders, and tells who may send them and who may not.
#[mosaik::node(network = "dark", tags = ["matcher"], proves = MatcherImage)]
async fn matcher(
    mut orders: Consumer<Order>,
    mut fills: Producer<Fill>,
    network: Network,
) -> mosaik::Result<()> {
    let mut filled: BTreeMap<String, u64> = BTreeMap::new();
    let mut events = orders.events();
    while let Some(event) = events.next().await {
        match event {
            Event::Item { from, item, .. } => {
                let who = who(&network, from);
                *filled.entry(who.clone()).or_default() += 1;
                fills.send(Fill { text: format!("order {} of {who}", item.number) }).await?;
            }
            Event::Joined { from, .. } => {
                println!("matcher: {} is admitted, its token is good", who(&network, from));
            }
            Event::Refused { from, why } => println!("matcher: {} is refused: {why}", who(&network, from)),
            Event::Left { from, why: Left::Refused(why), .. } => {
                println!("matcher: the link to {} was cut: {why}", who(&network, from));
            }
            _ => {}
        }
    }
    println!("matcher: orders filled: {filled:?}");
    Ok(())
}

/// Shows what was filled.
#[mosaik::node(network = "dark", tags = ["board"])]
async fn board(mut fills: Consumer<Fill>) -> mosaik::Result<()> {
    while let Some(fill) = fills.next().await {
        println!("board: {}", fill.text);
    }
    Ok(())
}

/// Has a token of the house for a few seconds, and nobody who makes the next one.
#[mosaik::node(network = "dark", tags = ["visitor"])]
async fn visitor(network: Network, shutdown: Shutdown) -> mosaik::Result<()> {
    let had = AtomicBool::new(false);
    network.tickets().trust_declared::<MatcherImage>()?;
    network.tickets().provide::<DeskTicket>(move |wanted| match had.swap(true, Ordering::Relaxed) {
        false => of_the_house(wanted, VISIT),
        true => Err("a visitor gets one token and no other".to_owned()),
    })?;
    send(network.streams().producer::<Order>().build()?, shutdown).await
}

/// Signs a token of the house with a key of its own.
#[mosaik::node(network = "dark", tags = ["forger"])]
async fn forger(network: Network, shutdown: Shutdown) -> mosaik::Result<()> {
    let own = Signer::generate(Algorithm::EdDsa, &mut NodeRng::from_system())?;
    let (peer, now) = (network.local().id(), network.clock().wall());
    let forged = token(&own, &Wanted { network: network.name().to_owned(), peer, now }, VISIT);
    network.tickets().trust_declared::<MatcherImage>()?;
    network.tickets().add(forged.map_err(mosaik::Error::msg)?)?;
    send(network.streams().producer::<Order>().build()?, shutdown).await
}

/// Claims to be a matcher, and runs another image. Tags are claims; a measurement is not.
#[mosaik::node(network = "dark", tags = ["matcher"])]
async fn spy(network: Network) -> mosaik::Result<()> {
    let now = network.clock().wall();
    let prover = prover(Td::image("a changed matcher"), network.id(), network.local().id(), now)?;
    network.tickets().add(prover.prove(now)?)?;
    network.tickets().trust_declared::<DeskTicket>()?;
    let mut orders = network.streams().consumer::<Order>().build()?;
    let mut events = orders.events();
    while let Some(event) = events.next().await {
        match event {
            Event::Item { item, .. } => println!("spy: order {} is no secret any more", item.number),
            Event::Refused { from, why } => println!("spy: {} refuses to tell: {why}", who(&network, from)),
            _ => {}
        }
    }
    Ok(())
}

/// Sends an order a second to whoever may read it.
async fn send(mut orders: Producer<Order>, shutdown: Shutdown) -> mosaik::Result<()> {
    let sending = async move {
        for number in 1.. {
            orders.when().subscribed().minimum_of(1).await;
            orders.send(Order { number }).await?;
            sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    };
    match select(pin!(sending), pin!(shutdown.requested())).await {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => Ok(()),
    }
}

/// A peer by the first tag that it claims and the start of its id.
fn who(network: &Network, peer: PeerId) -> String {
    let catalog = network.discovery().catalog();
    let tag = catalog.get(&peer).and_then(|peer| peer.entry.tags.iter().next().map(ToString::to_string));
    format!("{} {}", tag.as_deref().unwrap_or("peer"), peer.short())
}

/// How long a desk's token is good for, in seconds. After three quarters of that it has the next one.
const TERM: u64 = 8;
/// How long a visitor's is, who has no other.
const VISIT: u64 = 6;

/// A token for this peer on this network.
fn token(signer: &Signer, wanted: &Wanted, good_for: u64) -> Result<Ticket, String> {
    let now = NumericDate::from(wanted.now);
    let claims = Claims {
        issuer: Some("desk".to_owned()),
        subject: Some(wanted.peer.to_string()),
        audience: vec![wanted.network.clone()],
        issued_at: Some(now),
        expires: Some(NumericDate(now.0 + good_for)),
        ..Claims::default()
    };
    let token = signer.issue(&claims).map_err(|error| error.to_string())?;
    Ticket::new(Class::jwt(), token).map_err(|error| error.to_string())
}

/// A token that the house signs. Here every desk has the key of the house at hand; elsewhere it stays with who issues.
fn of_the_house(wanted: &Wanted, good_for: u64) -> Result<Ticket, String> {
    let key = Signer::read(configured(KEY))
        .map_err(|error| format!("{error}; or name a token that was issued: --ticket DeskTicket=FILE"))?;
    token(&key, wanted, good_for)
}

const KEY: &str = "desk.key";
const DIRECTORY: &str = "MOSAIK_CONFIG_DIR";

fn configured(file: &str) -> PathBuf {
    env::var_os(DIRECTORY).map(PathBuf::from).unwrap_or_default().join(file)
}

/// The house: a directory with a new key, its public half, and what the matcher's image measures.
struct House(PathBuf);

impl House {
    /// Makes it, and goes there: declared files are looked for where the program runs.
    fn open() -> mosaik::Result<Self> {
        let house = Self(env::temp_dir().join(format!("mosaik-attested-{}", std::process::id())));
        fs::create_dir_all(&house.0)?;
        let key = Signer::generate(Algorithm::EdDsa, &mut NodeRng::from_system())?.named("house-1");
        let measured = Variants::new([Td::image(&image()).variant("matcher")])?;
        write(&house.0.join(KEY), &key.to_jwk())?;
        write(&house.0.join("desk.jwks"), &KeySet::new([key.key()])?.to_jwks())?;
        write(&house.0.join("matcher.measurements"), &measured.to_string())?;
        env::set_current_dir(&house.0)?;
        Ok(house)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes a file that nobody else may read.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

fn main() -> ExitCode {
    let is_yours = cfg!(feature = "hardware") || env::var_os(DIRECTORY).is_some();
    let house = if is_yours { None } else { Some(House::open()) };
    if let Some(Err(error)) = house {
        eprintln!("no directory for keys can be made: {error}");
        return ExitCode::FAILURE;
    }
    mosaik::main!(tickets = sources(), desk, matcher, board, visitor, forger, spy);
    main()
}

/// Where a desk's tokens come from when nobody names a file.
fn sources() -> TicketSources {
    TicketSources::default().provide::<DeskTicket>(|wanted| of_the_house(wanted, TERM))
}
