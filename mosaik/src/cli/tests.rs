//! Command lines and what they mean, without a process.

use mosaik_runtime::{
    primitives::{
        Reach, Schema,
        policy::{ProofRef, Rule},
    },
    topology::{GroupDescriptor, GroupOptions, Intent, NodeDescriptor, Role, Source, VoterSet},
    transport::{Servers, Sources},
};

use super::{
    command::variable,
    plan::{Plan, read},
    *,
};

const fn node(name: &'static str, roles: &'static [Role]) -> NodeDescriptor {
    NodeDescriptor {
        name,
        network: "fleet",
        tags: &[],
        reach: Reach::Host,
        proves: &[],
        roles,
        docs: "Publishes this machine's real load.\n\nMore.",
        source: Source { file: "src/main.rs", line: 1 },
    }
}

static SENSOR: NodeDescriptor = node("sensor", &[]);
static DESK: NodeDescriptor = NodeDescriptor {
    proves: &[ProofRef { name: "DeskTicket", path: "dark::DeskTicket", note: "", declared: &() }],
    ..node("desk", &[])
};
static DISPLAY: NodeDescriptor = node("display", &[]);
static LEDGER: GroupDescriptor = GroupDescriptor {
    intent: Intent::new("bank.ledger", [4; 32]),
    type_name: "Ledger",
    schema: <u64 as Schema>::shape,
    voters: VoterSet::Count(3),
    options: GroupOptions::new(),
    members: Rule::Anyone,
    docs: "",
    source: Source { file: "src/main.rs", line: 9 },
};
static TELLER: NodeDescriptor = node("teller", &[Role::Member(&LEDGER)]);
const PEER: &str = "0707070707070707070707070707070707070707070707070707070707070707";

fn program(nodes: &[(&'static NodeDescriptor, usize)]) -> Program<'static> {
    let nodes = nodes.iter().map(|(descriptor, count)| Listed { descriptor, count: *count }).collect();
    Program { name: "sensors".to_owned(), nodes, entries: &[], tickets: TicketSources::default() }
}

fn sensors() -> Program<'static> {
    program(&[(&SENSOR, 1), (&DISPLAY, 1)])
}

fn line(text: &str) -> Vec<OsString> {
    text.split_whitespace().map(OsString::from).collect()
}

fn parse(text: &str) -> Result<Plan, UsageError> {
    parse_with(text, &|_| None)
}

fn parse_with(text: &str, environment: Environment<'_>) -> Result<Plan, UsageError> {
    match read(&sensors(), line(text), environment)? {
        Action::Run(plan) => Ok(*plan),
        action => panic!("{action:?}"),
    }
}

fn labels(plan: &Plan) -> Vec<&str> {
    plan.nodes.iter().map(|node| node.label.as_str()).collect()
}

fn complaint(text: &str) -> String {
    parse(text).expect_err("the line is refused").to_string()
}

#[test]
fn without_names_every_node_runs_as_often_as_the_program_says() {
    assert_eq!(labels(&parse("").expect("a plan")), ["sensor", "display"]);
    let Ok(Action::Run(plan)) = read(&program(&[(&SENSOR, 3)]), vec![], &|_| None) else { panic!("a plan") };
    assert_eq!(labels(&plan), ["sensor-1", "sensor-2", "sensor-3"]);
}

#[test]
fn named_nodes_run_alone_or_several_times() {
    assert_eq!(labels(&parse("display").expect("a plan")), ["display"]);
    assert_eq!(labels(&parse("display sensor=2").expect("a plan")), ["display", "sensor-1", "sensor-2"]);
    assert_eq!(
        complaint("sensr"),
        "this program has no node `sensr` (did you mean `sensor`?); its nodes are `sensor`, `display`"
    );
    assert!(!complaint("teller").contains("did you mean"));
    for count in ["sensor=0", "sensor=x", "sensor=257", "sensor="] {
        assert!(complaint(count).starts_with(&format!("`{count}`")), "{count}");
    }
    assert!(complaint("sensor sensor").contains("write `sensor=2`"));
    assert!(matches!(parse("sensor=200 display=100"), Err(UsageError::TooMany(300))));
}

#[test]
fn several_nodes_get_directories_and_key_files_of_their_own() {
    let files = |text| {
        let plan = parse(text).expect("a plan");
        let files = plan.nodes.iter().map(|node| (node.data_dir.clone(), node.key_file.clone()));
        let text = |path: Option<std::path::PathBuf>| {
            path.map(|path| path.display().to_string()).unwrap_or_default()
        };
        files.map(|(dir, key)| (text(dir), text(key))).collect::<Vec<_>>()
    };
    let own = |dir: &str, key: &str| (dir.to_owned(), key.to_owned());
    assert_eq!(files("sensor --data-dir d --secret-key-file k"), [own("d", "k")]);
    assert_eq!(
        files("sensor=2 display --data-dir d --secret-key-file k"),
        [own("d/sensor-1", "k.sensor-1"), own("d/sensor-2", "k.sensor-2"), own("d/display", "k.display")]
    );
}

#[test]
fn every_option_is_read() {
    let text = format!(
        "sensor --for 10s --network lab --reach lan --bind 0.0.0.0:4000 --bootstrap {PEER}@10.0.0.1:1 --bootstrap \
         {PEER}@127.0.0.1:2,203.0.113.1:3 --network-secret-file a --network-secret-file b --log debug \
         --found edge.limits --found bank.ledger --force-new-group bank.old"
    );
    let plan = parse(&text).expect("a plan");
    assert_eq!((plan.nodes[0].network.as_str(), plan.nodes[0].reach), ("lab", Reach::Lan));
    assert_eq!(plan.stop_after.map(|time| time.as_secs()), Some(10));
    assert_eq!((plan.bootstrap.len(), plan.secret_files.len()), (2, 2));
    assert_eq!(plan.log.as_deref(), Some("debug"));
    assert_eq!(plan.nodes[0].found, ["edge.limits", "bank.ledger"]);
    assert_eq!(plan.nodes[0].forced, ["bank.old"]);
}

#[test]
fn a_ticket_is_for_a_proof_of_a_node_that_runs() {
    let program = program(&[(&SENSOR, 1), (&DESK, 1)]);
    let read = |text: &str| match read(&program, line(text), &|_| None) {
        Ok(Action::Run(plan)) => Ok(format!("{:?}", plan.tickets)),
        Ok(_) => Err("it runs".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    assert_eq!(read("desk --ticket DeskTicket=desk.jwt"), Ok(r#"{"DeskTicket"}"#.to_owned()));
    assert!(read("--ticket dark::DeskTicket=desk.jwt").is_ok(), "all of them run");
    let says = |text: &str, words: &str| {
        let error = read(text).expect_err("no such proof");
        assert!(error.contains(words), "{error}");
    };
    says("desk --ticket desk.jwt", "PROOF=FILE");
    says("desk --ticket DeskTickets=desk.jwt", "did you mean `DeskTicket`?");
    says("sensor --ticket DeskTicket=desk.jwt", "they prove nothing");
}

#[test]
fn the_first_node_that_has_a_group_may_found_it() {
    let program = program(&[(&SENSOR, 1), (&TELLER, 2)]);
    let read = |text: &str| match read(&program, line(text), &|_| None)? {
        Action::Run(plan) => Ok(*plan),
        action => panic!("{action:?}"),
    };
    let found = |text: &str| {
        let plan = read(text).expect("a plan");
        plan.nodes.into_iter().map(|node| node.found).collect::<Vec<_>>()
    };
    let ledger = vec!["bank.ledger".to_owned()];
    assert_eq!(found("--found bank.ledger"), [vec![], ledger.clone(), vec![]]);
    assert_eq!(found("sensor --found bank.ledger"), [ledger], "it may make the group while it runs");
    let slip: Result<Plan, UsageError> = read("--found bank.legder");
    assert_eq!(
        slip.expect_err("a slip").to_string(),
        "`--found bank.legder`: no node here has a group of this name; did you mean `bank.ledger`?"
    );
}

#[test]
fn variables_stand_in_for_options_and_the_line_wins() {
    let environment = |variable: &str| match variable {
        "MOSAIK_REACH" => Some("lan".into()),
        "MOSAIK_BOOTSTRAP" => Some(format!("{PEER}@10.0.0.1:1  {PEER}@10.0.0.2:2").into()),
        "MOSAIK_FOR" => Some("1m".into()),
        _ => None,
    };
    let plan = parse_with("--for 2s", &environment).expect("a plan");
    assert_eq!((plan.nodes[0].reach, plan.bootstrap.len()), (Reach::Lan, 2));
    assert_eq!(plan.stop_after.map(|time| time.as_secs()), Some(2));
    assert_eq!(variable("secret-key-file"), "MOSAIK_SECRET_KEY_FILE");
    let wrong = parse_with("", &|variable| (variable == "MOSAIK_REACH").then(|| "moon".into()));
    assert!(wrong.expect_err("refused").to_string().contains("`moon` is not a reach"));
}

#[test]
fn what_is_out_of_reach_is_refused_with_the_option_to_add() {
    let far = complaint(&format!("--bootstrap {PEER}@192.168.0.1:4000"));
    assert!(far.contains("add `--reach lan`"), "{far}");
    assert!(complaint("sensor --bind 0.0.0.0:0").contains("add `--reach lan`"));
    assert!(parse(&format!("--bootstrap {PEER}@127.0.0.1:4000")).is_ok());
    assert!(parse(&format!("--reach lan --bootstrap {PEER}@203.0.113.9:4000")).is_ok());
}

#[test]
fn a_peer_without_an_address_needs_the_internet_to_be_looked_up() {
    assert!(complaint(&format!("--reach lan --bootstrap {PEER}")).contains("add `--reach internet`"));
    assert!(parse(&format!("--reach internet --bootstrap {PEER}")).is_ok());
    let relayed = format!("--bootstrap {PEER}@relay:https://relay.example");
    assert!(complaint(&format!("--reach lan {relayed}")).contains("add `--reach internet`"));
    assert!(parse(&format!("--reach internet {relayed}")).is_ok());
}

#[test]
fn sources_are_public_or_own_or_off() {
    let sources = |text: &str| parse(text).expect("a plan").sources;
    assert_eq!(sources(""), Sources::default());
    assert_eq!(sources("--mdns off --relay none --dht none"), Sources::none());
    let own = sources("--relay https://one --relay http://10.0.0.1:3340 --dht 10.0.0.1:6881");
    assert_eq!(own.relays, Servers::Own(vec!["https://one".into(), "http://10.0.0.1:3340".into()]));
    assert_eq!(own.dht, Servers::Own(vec!["10.0.0.1:6881".into()]));
    assert!(complaint("--relay none --relay https://one").contains("`--relay none` beside other servers"));
    assert!(complaint("--relay one").contains("not the URL of a relay"));
    assert!(complaint("--dht one").contains("not a node of the DHT"));
    assert!(complaint("--mdns perhaps").contains("perhaps"));
    let environment = |variable: &str| (variable == "MOSAIK_RELAY").then(|| "https://one https://two".into());
    let said = parse_with("", &environment).expect("a plan").sources.relays;
    assert_eq!(said, Servers::Own(vec!["https://one".into(), "https://two".into()]));
}

#[test]
fn threads_are_one_for_each_core_or_as_many_as_said() {
    let threads = |text: &str| parse(text).expect("a plan").threads;
    assert_eq!((threads(""), threads("--threads 3")), (None, Some(3)));
    assert!(complaint("--threads 0").contains("--threads"));
}

#[test]
fn a_fixed_port_needs_one_node() {
    assert!(complaint("--bind 127.0.0.1:4000").contains("2 nodes would share it"));
    assert!(parse("--bind 127.0.0.1:0").is_ok());
    assert!(parse("sensor --bind 127.0.0.1:4000").is_ok());
}

#[test]
fn wrong_values_say_what_to_write() {
    assert!(complaint("--for soon").contains("write `10s`"));
    assert!(complaint("--bootstrap nobody").contains("<peer id>@<ip>:<port>"));
    assert!(complaint("--network Fleet").contains("`--network`"));
    assert!(complaint("--frobnicate").contains("--frobnicate"));
}

#[test]
fn the_picture_and_keys_are_asked_for_by_name() {
    let action = |text| read(&sensors(), line(text), &|_| None);
    assert!(matches!(action("topology"), Ok(Action::Topology(Format::Mermaid))));
    assert!(matches!(action("topology --format svg"), Ok(Action::Topology(Format::Svg))));
    assert!(
        action("topology --format png").expect_err("refused").to_string().contains("`png` is not a format")
    );
    for (text, usage) in [
        ("topology sensor", "Usage: sensors topology [OPTIONS]"),
        ("keygen x", "Usage: sensors keygen [OPTIONS]"),
    ] {
        let error = action(text).expect_err("refused").to_string();
        assert!(error.contains(usage), "{error}");
    }
    assert!(matches!(action("keygen"), Ok(Action::Keygen(request)) if request.key_file.is_none()));
}

#[derive(clap::Args, Debug)]
struct Options {
    /// The name that others see.
    #[arg(long)]
    name: String,
}

#[derive(clap::Args)]
struct Taken {
    #[arg(long)]
    network: Option<String>,
}

#[derive(clap::Args)]
struct Bare {
    text: Option<String>,
}

const fn with<T: clap::Args + Send + Sync + 'static>() -> &'static [Role] {
    &[<crate::Args<T> as crate::FromNode>::ROLE]
}

static CHAT: NodeDescriptor = node("chat", with::<Options>());
static CLASH: NodeDescriptor = node("clash", with::<Taken>());
static BARE: NodeDescriptor = node("bare", with::<Bare>());

#[test]
fn options_of_the_program_stand_beside_ours() {
    let chat = program(&[(&CHAT, 1)]);
    let help = read(&chat, line("--help"), &|_| None).expect_err("help").to_string();
    for text in [
        "--name <NAME>",
        "The name that others see",
        "lan or internet",
        "MOSAIK_BOOTSTRAP",
        "topology",
        "keygen",
    ] {
        assert!(help.contains(text), "{text} in {help}");
    }
    let Ok(Action::Run(plan)) = read(&chat, line("--name ada"), &|_| None) else { panic!("a plan") };
    assert!(Hook::of(&CHAT).into_iter().all(|hook| (hook.read)(&plan.matches, Default::default()).is_ok()));
    let missing = read(&chat, vec![], &|_| None).expect_err("it is required").to_string();
    assert!(missing.contains("--name"), "{missing}");
    // The other node runs without the options of this one.
    assert!(read(&program(&[(&CHAT, 1), (&SENSOR, 1)]), line("sensor"), &|_| None).is_ok());
}

#[test]
fn options_of_the_program_that_collide_with_ours_are_refused() {
    let clash = read(&program(&[(&CLASH, 1)]), vec![], &|_| None).expect_err("refused").to_string();
    assert!(clash.contains("`--network`") && clash.contains("Taken"), "{clash}");
    let bare = read(&program(&[(&BARE, 1)]), vec![], &|_| None).expect_err("refused").to_string();
    assert!(bare.contains("`text`") && bare.contains("#[arg(long)]"), "{bare}");
}

#[test]
fn the_book_lists_every_option_with_its_variable() {
    let page = include_str!("../../../docs/command-line.md");
    let command = super::command::command(&sensors(), &|_| None).expect("it can be built");
    let options: Vec<&str> = command.get_arguments().filter_map(|arg| arg.get_long()).collect();
    assert_eq!(options.len(), 16);
    for option in options {
        let row = format!("| `--{option} ");
        let line = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row {row}"));
        assert!(line.contains(&format!("`{}`", variable(option))), "{line}");
    }
}
