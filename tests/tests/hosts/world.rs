//! Switches and hosts, and what goes out of them.
//!
//! A switch is a namespace with a bridge; its own default route ends in a cable to nowhere that counts what would have left.

use std::{
    fs,
    io::Write,
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use mosaik_tests::{programs::Running, scratch::Scratch};

use crate::{LATE, SENSORS};

/// The namespaces of one test.
pub(crate) struct World {
    name: String,
    spaces: Vec<String>,
    switches: Vec<Switch>,
}

/// A local network, known by the first three numbers of its addresses.
#[derive(Debug, Clone)]
pub(crate) struct Switch {
    space: String,
    net: &'static str,
}

/// A direction of a machine's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// What the machine sends.
    Out,
    /// What is sent to it.
    In,
}

/// A machine.
pub(crate) struct Host {
    space: String,
    scratch: Scratch,
    plugs: u32,
}

impl World {
    /// An empty world, unless namespaces are not allowed here.
    pub(crate) fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut world = Self {
            name: format!("mosaik-{}-{number}", std::process::id()),
            spaces: Vec::new(),
            switches: Vec::new(),
        };
        match world.space("probe") {
            Ok(_) => Some(world),
            Err(why) if std::env::var_os("MOSAIK_REQUIRE_NAMESPACES").is_some() => {
                panic!("network namespaces are required here: {why}")
            }
            Err(why) => {
                // Not captured by the harness: who runs the tests sees that some did not run.
                let test = std::thread::current().name().unwrap_or("a test").to_owned();
                let _ = writeln!(
                    std::io::stderr(),
                    "{test}: skipped: network namespaces are not allowed here: {why}"
                );
                None
            }
        }
    }

    fn space(&mut self, name: &str) -> Result<String, String> {
        let space = format!("{}-{name}", self.name);
        ip(&["netns", "add", &space])?;
        self.spaces.push(space.clone());
        ip(&["-n", &space, "link", "set", "lo", "up"])?;
        Ok(space)
    }

    /// A new local network: `net` is the beginning of its addresses, such as `10.0.1`. Its last host is the way out.
    pub(crate) fn switch(&mut self, net: &'static str) -> Switch {
        let made = self.space(&format!("net{}", self.switches.len())).and_then(|space| {
            let run = |words: &str| {
                let all = ["-n", &space].into_iter().chain(words.split_whitespace()).collect::<Vec<_>>();
                ip(&all)
            };
            set(&space, "net/ipv6/conf/default/disable_ipv6", "1")?;
            run("link add br0 type bridge")?;
            run(&format!("addr add {net}.254/24 dev br0"))?;
            run("link set br0 up")?;
            run("link add out type veth peer name nowhere")?;
            run("link set nowhere up")?;
            run("link set out arp off up")?;
            run("route add default dev out")?;
            set(&space, "net/ipv4/ip_forward", "1")?;
            Ok(space)
        });
        let switch = Switch { space: made.expect("a switch"), net };
        self.switches.push(switch.clone());
        switch
    }

    /// A new machine, plugged in nowhere.
    pub(crate) fn host(&mut self, name: &str) -> Host {
        let space = self.space(name).expect("a host");
        set(&space, "net/ipv4/ip_forward", "0").expect("a setting");
        Host { space, scratch: Scratch::new(), plugs: 0 }
    }

    /// A new machine on a switch, as number `last` there.
    pub(crate) fn host_on(&mut self, switch: &Switch, name: &str, last: u8) -> Host {
        let mut host = self.host(name);
        host.plug(switch, last);
        host
    }

    /// No packet took the way out of any switch.
    #[track_caller]
    pub(crate) fn nothing_left(&self) {
        for switch in &self.switches {
            let counted = within(&switch.space, "cat", &["/sys/class/net/out/statistics/tx_packets"]);
            assert_eq!(counted.as_deref().map(str::trim), Ok("0"), "packets left by {}", switch.net);
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for space in &self.spaces {
            let _ = ip(&["netns", "del", space]);
        }
    }
}

impl Host {
    /// Plugs the machine into a switch, with an address and a default route if it is the first.
    pub(crate) fn plug(&mut self, switch: &Switch, last: u8) {
        let (here, port) = (
            format!("eth{}", self.plugs),
            format!("{}-{}", self.space.rsplit('-').next().unwrap_or(""), self.plugs),
        );
        ip(&[
            "link",
            "add",
            &here,
            "netns",
            &self.space,
            "type",
            "veth",
            "peer",
            "name",
            &port,
            "netns",
            &switch.space,
        ])
        .and_then(|_| ip(&["-n", &switch.space, "link", "set", &port, "master", "br0", "up"]))
        .and_then(|_| ip(&["-n", &self.space, "link", "set", &here, "up"]))
        .expect("a cable");
        self.address(switch, last);
        self.plugs += 1;
    }

    fn address(&self, switch: &Switch, last: u8) {
        let here = format!("eth{}", self.plugs);
        self.ip(&format!("addr add {}.{last}/24 dev {here}", switch.net));
        if self.plugs == 0 {
            self.ip(&format!("route add default via {}.254", switch.net));
        }
    }

    /// The machine's only address becomes another.
    pub(crate) fn readdress(&mut self, switch: &Switch, from: u8, to: u8) {
        self.plugs -= 1;
        self.ip(&format!("addr del {}.{from}/24 dev eth{}", switch.net, self.plugs));
        self.address(switch, to);
        self.plugs += 1;
    }

    /// From now on the line of its first plug carries so many bits a second each way, and what waits for it longer than 100 ms is lost.
    pub(crate) fn thin(&self, switch: &Switch, bits: u64) {
        for way in [Way::Out, Way::In] {
            self.line(switch, way, &format!("tbf rate {bits}bit burst 8kb latency 100ms"));
        }
    }

    /// From now on its first plug loses everything that goes these ways. Nobody is told: the lines stay up.
    pub(crate) fn cut(&self, switch: &Switch, ways: &[Way]) {
        ways.iter().for_each(|way| self.line(switch, *way, "pfifo limit 0"));
    }

    /// Its first plug carries everything again, both ways.
    pub(crate) fn mend(&self, switch: &Switch) {
        [Way::Out, Way::In].iter().for_each(|way| self.line(switch, *way, "pfifo limit 1000"));
    }

    fn line(&self, switch: &Switch, way: Way, queue: &str) {
        let port = format!("{}-0", self.space.rsplit('-').next().unwrap_or(""));
        let (space, device) = match way {
            Way::Out => (&self.space, "eth0"),
            Way::In => (&switch.space, port.as_str()),
        };
        let words = ["-n", space, "qdisc", "replace", "dev", device, "root"];
        let all = words.into_iter().chain(queue.split_whitespace());
        run(Command::new("tc").args(all), "tc").expect("a line of this kind");
    }

    /// Runs `ip` on this machine.
    pub(crate) fn ip(&self, words: &str) {
        let all = ["-n", &self.space].into_iter().chain(words.split_whitespace()).collect::<Vec<_>>();
        ip(&all).expect("the machine is set up");
    }

    /// Starts a program on this machine. It has a rendezvous directory of its own: no file leads to other machines.
    pub(crate) fn start(&self, program: &str, arguments: &str) -> Running {
        let mut command = Command::new("ip");
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("MOSAIK_") {
                command.env_remove(variable);
            }
        }
        command.env("MOSAIK_RUNTIME_DIR", self.scratch.join("meet")).env("NO_COLOR", "1");
        command.current_dir(self.scratch.path()).args(["netns", "exec", &self.space, program]);
        command.args(arguments.split_whitespace());
        Running::start(command)
    }

    /// Makes a key in the file `key`, and tells the peer id.
    pub(crate) fn key(&self) -> String {
        let made = self.start(SENSORS, "keygen --secret-key-file key").ended(LATE);
        made.out.split_whitespace().last().expect("it ends with the peer id").to_owned()
    }

    /// A file on this machine.
    pub(crate) fn write(&self, name: &str, contents: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.scratch.join(name);
        fs::write(&path, contents).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    }
}

fn ip(arguments: &[&str]) -> Result<String, String> {
    run(Command::new("ip").args(arguments), &arguments.join(" "))
}

fn within(space: &str, program: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("ip");
    run(command.args(["netns", "exec", space, program]).args(arguments), program)
}

fn set(space: &str, key: &str, value: &str) -> Result<String, String> {
    within(space, "sh", &["-c", &format!("echo {value} > /proc/sys/{key}")])
}

fn run(command: &mut Command, what: &str) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().map_err(|error| format!("ip: {error}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    Err(format!("{what}: {}", String::from_utf8_lossy(&stderr).trim()))
}
