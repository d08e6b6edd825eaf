//! A group with everything that a method can be, with no prelude.
#![deny(warnings)]
#![deny(missing_docs)]
//! Documented.

use std::collections::{BTreeMap, HashMap};

use mosaik::{
    groups::{
        Apply, Command, CommandError, Declared, Group, Learner, Method, ReadError, Reply, StateMachine,
    },
    node::NodeItem,
    topology::{KeySource, Role, Storage, VoterSet},
};

/// Not enough money.
#[mosaik::data]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{missing} are missing")]
pub struct Insufficient {
    /// How much.
    pub missing: u64,
}

/// What an alias of `Result` is good for.
pub type Result<T> = std::result::Result<T, Insufficient>;

/// The replicated state.
#[mosaik::group(
    state_machine,
    "bank.ledger",
    voters = 3,
    storage = durable,
    key = env("BANK_KEY"),
    deadline = "30s",
    strict,
    evict_after = "500ms",
    committee = 5,
    require(members = tag("bank")),
)]
#[derive(Debug, Default, PartialEq)]
pub struct Ledger {
    balances: BTreeMap<String, u64>,
    #[allow_nondeterminism]
    #[serde(skip)]
    cache: HashMap<String, u64>,
    touched: u64,
}

#[mosaik::methods]
impl Ledger {
    const SMALLEST: u64 = 1;

    /// Pays in, and returns the new balance.
    pub fn deposit(&mut self, account: String, amount: u64) -> u64 {
        let balance = self.balances.entry(account).or_default();
        *balance += amount.max(Self::SMALLEST);
        *balance
    }

    /// Moves money.
    pub fn transfer(&mut self, from: &str, to: &str, amount: u64, cx: &Apply) -> Result<()> {
        let has = self.balance(from);
        if has < amount {
            return Err(Insufficient { missing: amount - has });
        }
        self.touched = cx.index();
        self.balances.insert(from.to_owned(), has - amount);
        self.deposit(to.to_owned(), amount);
        Ok(())
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Replaces everything.
    pub fn replace(&mut self, mut by: BTreeMap<String, u64>) -> std::result::Result<usize, Insufficient> {
        std::mem::swap(&mut self.balances, &mut by);
        Ok(by.len())
    }

    /// Looks outside all the same.
    #[allow_nondeterminism]
    pub fn touch(&mut self) -> bool {
        std::env::args().count() > 0
    }

    /// What an account has.
    pub fn balance(&self, account: &str) -> u64 {
        self.balances.get(account).copied().unwrap_or_default()
    }

    /// What some accounts have.
    #[allow(clippy::needless_lifetimes)]
    pub fn balances<'a>(&self, accounts: &'a [String], least: &u64) -> Vec<u64> {
        accounts.iter().map(|account| self.balance(account)).filter(|has| has >= least).collect()
    }

    /// A copy.
    pub fn all(&self) -> Option<Self> {
        None
    }

    /// Not over the network.
    #[skip]
    pub fn accounts(&self) -> impl Iterator<Item = &String> {
        self.balances.keys()
    }

    /// Not a method.
    pub fn with(account: &str) -> Self {
        Self { balances: [(account.to_owned(), 1)].into(), ..Self::default() }
    }
}

/// A second group in one module.
#[mosaik::group(state_machine, voters = founder)]
#[derive(Default)]
pub enum Light {
    /// Dark.
    #[default]
    Off,
    /// So bright.
    On(u8),
}

#[mosaik::methods]
impl Light {
    /// Makes it brighter or darker.
    pub fn set(&mut self, level: u8) {
        *self = if level == 0 { Self::Off } else { Self::On(level) };
    }
}

/// Takes no part in the ledger, and has a copy of it.
#[mosaik::node(network = "bank")]
async fn auditor(ledger: Learner<Ledger>) -> mosaik::Result {
    ledger.when().online().await;
    ledger.catch_up().await?;
    let _: u64 = ledger.weak().balance("alice").await?;
    Ok(())
}

#[mosaik::node(network = "bank")]
async fn teller(ledger: Group<Ledger>, light: Group<Light>) -> mosaik::Result {
    let balance: u64 = ledger.deposit("alice".into(), 5).await?;
    ledger.transfer("alice", "bob", 5).await?;
    let failed: std::result::Result<(), CommandError<Insufficient>> = ledger.transfer("x", "y", 5).await;
    if let Err(CommandError::Failed(Insufficient { missing })) = failed {
        assert_eq!(missing, 5);
    }
    let _: std::result::Result<usize, CommandError<Insufficient>> = ledger.replace(BTreeMap::new()).await;
    let read: std::result::Result<u64, ReadError> = ledger.balance("alice").await;
    assert!(read? >= balance);
    let _: Vec<u64> = ledger.weak().balances(&["bob".to_owned()], &1).await?;
    let many = ledger.execute_many([LedgerCommand::clear, LedgerCommand::deposit("bob".into(), 1)]).await;
    for reply in many {
        if let LedgerReply::deposit(balance) = reply? {
            assert!(balance > 0);
        }
    }
    light.set(3).await?;
    Ok(())
}

/// Futures of a handle move between threads.
fn sends(ledger: &Group<Ledger>) -> impl Future<Output = std::result::Result<u64, ReadError>> + Send {
    ledger.balance("alice")
}

fn main() {
    let [Role::Learns(read)] = <auditor as NodeItem>::DESCRIPTOR.roles else { panic!("it reads") };
    assert_eq!(read.intent.text, "bank.ledger");
    let group = Ledger::DESCRIPTOR;
    assert_eq!(
        (group.intent.text, group.type_name, group.docs),
        ("bank.ledger", "Ledger", "The replicated state.")
    );
    assert_eq!(group.voters, VoterSet::Count(3));
    assert_eq!(group.options.storage, Storage::Durable);
    assert_eq!(group.options.key, Some(KeySource::Env("BANK_KEY")));
    assert_eq!(group.options.deadline.map(|time| time.as_secs()), Some(30));
    assert!(group.options.strict);
    assert_eq!(group.options.evict_after.map(|time| time.as_millis()), Some(500));
    assert_eq!(group.options.committee, Some(5));
    assert_eq!(group.members.to_string(), "tag(\"bank\")");
    assert_eq!(Light::DESCRIPTOR.intent.text, "mosaik-ui-tests.light");
    assert_eq!(Light::DESCRIPTOR.voters, VoterSet::Founder);
    assert!(matches!(teller::DESCRIPTOR.flat_roles()[..], [Role::Member(_), Role::Member(_)]));

    let methods = <LedgerCommand as Command>::methods();
    let names: Vec<_> = methods.iter().map(|method| method.name).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert!(methods.is_sorted_by_key(|method| method.id), "{names:?}");
    assert!(methods.iter().all(|method| method.id == Method::id_of(method.name)));

    let command = LedgerCommand::transfer("alice".into(), "bob".into(), 5);
    assert_eq!(command.method(), Method::id_of("transfer"));
    let mut bytes = Vec::new();
    command.encode(&mut bytes).expect("encodes");
    assert_eq!(bytes, [5, b'a', b'l', b'i', b'c', b'e', 3, b'b', b'o', b'b', 5]);
    let Ok(LedgerCommand::transfer(from, to, 5)) = LedgerCommand::decode(command.method(), &bytes) else {
        panic!("the same command")
    };
    assert_eq!((from.as_str(), to.as_str()), ("alice", "bob"));
    assert!(LedgerCommand::decode(command.method(), &bytes[1..]).is_err());
    assert!(LedgerCommand::decode(1, &bytes).is_err());
    bytes.clear();
    LedgerCommand::clear.encode(&mut bytes).expect("encodes");
    assert!(bytes.is_empty());

    LedgerReply::transfer(Err(Insufficient { missing: 7 })).encode(&mut bytes).expect("encodes");
    assert_eq!(bytes, [1, 7]);
    let Ok(LedgerReply::transfer(Err(Insufficient { missing: 7 }))) =
        LedgerReply::decode(Method::id_of("transfer"), &bytes)
    else {
        panic!("the same reply")
    };
    let shape = format!("{:?}", (group.schema)(&mut mosaik::primitives::schema::Seen::default()));
    assert!(shape.contains("transfer") && shape.contains("balances"), "{shape}");
    let ledger = Ledger::with("alice");
    assert_eq!(ledger.accounts().count(), 1);
    let LedgerAnswer::balance(1) = ledger.query(LedgerQuery::balance("alice".into())) else { panic!("1") };
    let _ = sends;
    assert!(matches!(Light::On(3), Light::On(3)));
}

type LedgerQuery = <Ledger as StateMachine>::Query;
type LedgerAnswer = <Ledger as StateMachine>::Answer;
