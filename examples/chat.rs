//! A terminal chat without a server. Start it in several terminals:
//!
//! `cargo run --example chat -- --name ada`
//!
//! Who is there is discovery's catalog, names are tags, and what was said before you came is the stream's replay. It
//! works with pipes too: `echo hello | cargo run --example chat -- --name bob`.

use std::{
    collections::BTreeMap,
    io::{BufRead, IsTerminal},
};

use futures::{FutureExt, channel::mpsc, executor::block_on, future, stream};
use mosaik::{
    discovery::{Change, LeftReason, Peer},
    prelude::*,
    primitives::{PeerId, Tag},
    streams::Event,
};

/// One line of the conversation. Newcomers get the last twenty of everybody who is still there.
#[stream("chat.line", replay = 20)]
pub struct Line {
    pub from: String,
    pub text: String,
    /// `/me waves` instead of words.
    pub is_action: bool,
}

/// What a person may choose.
#[derive(Args, Debug)]
pub struct Options {
    /// The name that others see; by default your user name.
    #[arg(long, env = "CHAT_NAME")]
    name: Option<String>,
    /// Go on listening when the input has ended.
    #[arg(long)]
    stay: bool,
}

/// Everything that can happen in a chat.
enum Happened {
    Typed(Option<String>),
    Heard(Event<Line>),
    Moved(Change),
}

/// Talks with everybody who is on the network `chat`.
#[mosaik::node(network = "chat", name = "chat")]
async fn main(
    options: Args<Options>,
    network: Network,
    shutdown: Shutdown,
    out: Producer<Line>,
    mut lines: Consumer<Line>,
) -> mosaik::Result<()> {
    let mut chat = Chat::enter(&options, network, out)?;
    let typed = typed(chat.out.clone()).map(Happened::Typed).boxed();
    let heard = lines.events().map(Happened::Heard).boxed();
    let moved = chat.network.discovery().changes().map(Happened::Moved).boxed();
    let mut all = stream::select_all([typed, heard, moved]).take_until(Box::pin(shutdown.requested()));
    while let Some(happened) = all.next().await {
        match happened {
            Happened::Typed(None) if options.stay => {}
            Happened::Typed(None) => break,
            Happened::Typed(Some(text)) => {
                if !chat.typed(&text).await? {
                    break;
                }
            }
            Happened::Heard(event) => chat.heard(event),
            Happened::Moved(change) => chat.moved(change),
        }
    }
    chat.out.flush().await?;
    chat.leave();
    Ok(())
}

/// The lines of standard input, then `None`. What comes from a pipe waits a little for somebody to hear it.
fn typed(out: Producer<Line>) -> impl Stream<Item = Option<String>> {
    let (mut tell, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok).map(Some);
        for line in lines.chain([None]) {
            if block_on(tell.send(line)).is_err() {
                return;
            }
        }
    });
    let somebody = async move {
        if !std::io::stdin().is_terminal() {
            // This node's own consumer is one of the two.
            let listens = out.when().subscribed().minimum_of(2).into_future();
            future::select(listens, Box::pin(sleep(Duration::from_secs(3)))).await;
        }
    };
    somebody.map(move |()| lines).flatten_stream()
}

struct Chat {
    name: String,
    network: Network,
    out: Producer<Line>,
    names: BTreeMap<PeerId, String>,
    screen: Screen,
    /// Whether anything was said, and whether somebody listened.
    said: bool,
    heard: bool,
}

impl Chat {
    fn enter(options: &Options, network: Network, out: Producer<Line>) -> mosaik::Result<Self> {
        let user = || {
            std::env::var("USER").unwrap_or_else(|_| format!("guest-{}", &network.local().id().short()[..4]))
        };
        let name = as_name(&options.name.clone().unwrap_or_else(user));
        let (names, screen) = (BTreeMap::new(), Screen::new());
        let mut chat = Self { name: String::new(), network, out, names, screen, said: false, heard: false };
        chat.call_me(name)?;
        chat.screen.note(&format!("you are {}; /help says what you can do", chat.name));
        Ok(chat)
    }

    /// Takes a name: others read it in the catalog.
    fn call_me(&mut self, name: String) -> mosaik::Result<()> {
        let tags = self.network.discovery().tags();
        let new = Tag::new(&format!("{NAME_IS}{name}"))?;
        if let Ok(old) = Tag::new(&format!("{NAME_IS}{}", self.name)) {
            tags.remove(&old);
        }
        tags.insert(new)?;
        self.name = name;
        Ok(())
    }

    /// Follows what was typed; `false` means that the person leaves.
    async fn typed(&mut self, text: &str) -> mosaik::Result<bool> {
        let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        match (word, rest.trim()) {
            ("", _) => {}
            ("/quit", _) => return Ok(false),
            ("/who", _) => self.who(),
            ("/nick", name) if !name.is_empty() => self.call_me(as_name(name))?,
            ("/me", deed) if !deed.is_empty() => self.say(deed, true).await?,
            (command, _) if command.starts_with('/') => {
                self.screen.note(
                    "/who lists who is here, /me waves does something, /nick changes your name, /quit leaves",
                );
            }
            _ => self.say(text.trim(), false).await?,
        }
        Ok(true)
    }

    async fn say(&mut self, text: &str, is_action: bool) -> mosaik::Result<()> {
        let line = Line { from: self.name.clone(), text: text.to_owned(), is_action };
        self.screen.said_by_me(&line);
        self.out.send(line).await?;
        self.said = true;
        self.listened();
        Ok(())
    }

    fn listened(&mut self) {
        let me = self.network.local().id();
        self.heard |= self.out.subscribers().iter().any(|id| *id != me);
    }

    /// Whoever pipes words into the chat should know when they reached nobody.
    fn leave(&mut self) {
        self.listened();
        if self.said && !self.heard && !std::io::stdin().is_terminal() {
            self.screen.note("nobody was here to hear it");
        }
    }

    fn who(&self) {
        let me = self.network.local().id();
        self.screen.note(&format!("{} (you)", self.name));
        for (id, name) in self.names.iter().filter(|(id, _)| **id != me) {
            let rtt = self
                .network
                .discovery()
                .view(id)
                .rtt
                .map(|rtt| format!(", {rtt:.1?} away"))
                .unwrap_or_default();
            self.screen.note(&format!("{name} ({}{rtt})", id.short()));
        }
    }

    fn heard(&mut self, event: Event<Line>) {
        match event {
            Event::Item { from, item, .. } if from != self.network.local().id() => self.screen.line(&item),
            Event::Gap { from, lost, .. } => {
                let name = self.names.get(&from).cloned().unwrap_or_else(|| from.short());
                self.screen.note(&format!("{} lines of {name} were lost", lost.count));
            }
            _ => {}
        }
    }

    fn moved(&mut self, change: Change) {
        match change {
            Change::Joined(peer) => self.named(&peer),
            Change::Updated { after, .. } => self.named(&after),
            Change::Left { peer, reason } => {
                if let Some(name) = self.names.remove(&peer) {
                    let how = if reason == LeftReason::Departed { "left" } else { "is gone" };
                    self.screen.note(&format!("{name} {how}"));
                }
            }
        }
    }

    fn named(&mut self, peer: &Peer) {
        let Some(name) = peer.entry.tags.iter().find_map(|tag| tag.as_str().strip_prefix(NAME_IS)) else {
            return;
        };
        let name = as_name(name);
        let before = self.names.insert(peer.id, name.clone());
        if peer.id == self.network.local().id() {
            return;
        }
        match before {
            None => self.screen.note(&format!("{name} is here")),
            Some(before) if before != name => self.screen.note(&format!("{before} is now {name}")),
            Some(_) => {}
        }
    }
}

/// What a tag that holds a name begins with.
const NAME_IS: &str = "name=";

/// Makes a text fit for a name: no white space, no control characters, 24 characters at most, and short enough for a tag.
fn as_name(text: &str) -> String {
    let name: String = text.trim().chars().filter(|c| !c.is_control()).take(24).collect();
    let mut name = name.split_whitespace().collect::<Vec<_>>().join("-");
    name.truncate(name.floor_char_boundary(Tag::MAX - NAME_IS.len()));
    if name.is_empty() { "nobody".to_owned() } else { name }
}

/// Colours on a terminal, plain lines in a pipe.
struct Screen {
    colours: bool,
    types_here: bool,
}

impl Screen {
    fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colours, types_here: terminal && std::io::stdin().is_terminal() }
    }

    fn line(&self, line: &Line) {
        // What others send is text, never commands to this terminal.
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(1000).collect::<String>();
        let (from, text) = (as_name(&line.from), plain(&line.text));
        let colour =
            31 + from.bytes().fold(0, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 6;
        let from = if self.colours { format!("\u{1b}[1;{colour}m{from}\u{1b}[0m") } else { from };
        if line.is_action { println!("* {from} {text}") } else { println!("{from}: {text}") }
    }

    /// On a terminal the typed line is replaced by how others see it.
    fn said_by_me(&self, line: &Line) {
        if self.types_here {
            print!("\u{1b}[1A\u{1b}[2K\r");
            self.line(line);
        }
    }

    fn note(&self, text: &str) {
        if self.colours { println!("\u{1b}[2m- {text}\u{1b}[0m") } else { println!("- {text}") }
    }
}
