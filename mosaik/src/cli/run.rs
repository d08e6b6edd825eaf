//! Runs the planned nodes in this process until they end or are told to stop.

use std::{future::pending, path::Path, process::ExitCode};

use mosaik_runtime::{
    node::{
        Extensions, Network, NetworkBuilder,
        life::{self, Ended},
    },
    primitives::{
        NodeRng, Scope, SecretKey,
        keyfile::{self, KeyFileError},
    },
    transport::Sources,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    FAILED, NOT_STARTED, Program,
    error::UsageError,
    log,
    plan::{Plan, Planned},
    refuse,
};

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

pub(super) fn run(program: &Program<'_>, plan: Plan) -> ExitCode {
    if let Err(error) = log::start(plan.log.as_deref()) {
        return refuse(&error);
    }
    let extensions = match extensions(program, &plan) {
        Ok(extensions) => extensions,
        Err(error) => return refuse(&error),
    };
    let builders = match builders(&plan) {
        Ok(builders) => builders,
        Err((label, error)) => {
            eprintln!("{label} cannot start: {error}");
            return ExitCode::from(NOT_STARTED);
        }
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = plan.threads {
        runtime.worker_threads(threads.into());
    }
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return ExitCode::from(NOT_STARTED);
        }
    };
    let code = runtime.block_on(all(program, &plan, builders, extensions));
    // A thread that still waits for a line of input must not keep the process alive.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// What the nodes' own `Args<T>` were given.
fn extensions(program: &Program<'_>, plan: &Plan) -> Result<Extensions, UsageError> {
    let mut extensions = Extensions::default().with(plan.tickets.clone().or(program.tickets.clone()));
    let planned = plan.nodes.iter().map(|node| program.nodes[node.index].descriptor);
    for hook in planned.flat_map(crate::args::Hook::of) {
        extensions = (hook.read)(&plan.matches, extensions)?;
    }
    Ok(extensions)
}

fn builders(plan: &Plan) -> Result<Vec<NetworkBuilder>, (String, KeyFileError)> {
    let mut rng = NodeRng::from_system();
    let mut secrets = Vec::new();
    for path in &plan.secret_files {
        let secret = keyfile::read_secret(path);
        secrets.push(secret.map_err(|error| {
            (plan.nodes.first().map_or("the node", |node| &node.label).to_owned(), error)
        })?);
    }
    let builder = |node: &Planned| {
        let Sources { mdns, relays, dht } = plan.sources.clone();
        let mut builder = Network::builder(node.network.clone()).reach(node.reach);
        builder = builder.mdns(mdns).relays(relays).dht(dht);
        for secret in &secrets {
            builder = builder.network_secret(secret.clone());
        }
        for peer in &plan.bootstrap {
            builder = builder.bootstrap(peer.clone());
        }
        builder = node.found.iter().fold(builder, NetworkBuilder::found);
        builder = node.forced.iter().fold(builder, NetworkBuilder::force_new_group);
        if let Some(address) = plan.bind {
            builder = builder.bind(address);
        }
        if let Some(directory) = &node.data_dir {
            builder = builder.data_dir(directory);
        }
        if let Some(path) = &node.key_file {
            let key = key(path, &mut rng);
            builder = builder.secret_key(key.map_err(|error| (node.label.clone(), error))?);
        }
        Ok(builder)
    };
    plan.nodes.iter().map(builder).collect()
}

/// The key in a file. A new one is told of: whoever meant another file should see it.
fn key(path: &Path, rng: &mut NodeRng) -> Result<SecretKey, KeyFileError> {
    match keyfile::make(path, rng) {
        Ok(key) => {
            tracing::info!(target: "mosaik::node", "made a new key in {}", path.display());
            Ok(key)
        }
        Err(KeyFileError::Exists { .. }) => keyfile::read(path),
        Err(error) => Err(error),
    }
}

/// Runs every node as a task; the first that fails stops the others.
async fn all(
    program: &Program<'_>,
    plan: &Plan,
    builders: Vec<NetworkBuilder>,
    extensions: Extensions,
) -> u8 {
    let stop = CancellationToken::new();
    let scope = Scope::new();
    let (report, mut reports) = mpsc::channel(plan.nodes.len().max(1));
    for (node, builder) in plan.nodes.iter().zip(builders) {
        let (entry, label) = (program.entries[node.index], node.label.clone());
        let (report, stop, extensions) = (report.clone(), stop.clone(), extensions.clone());
        scope.spawn("node", async move {
            let ended = life::run(&entry, builder, extensions, stop).await;
            let _ = report.send((label, ended)).await;
        });
    }
    drop(report);
    let mut signals = Signals::new();
    let deadline = plan.stop_after.and_then(|time| Instant::now().checked_add(time));
    let (mut code, mut left) = (0, plan.nodes.len());
    loop {
        let waits = deadline.filter(|_| !stop.is_cancelled());
        tokio::select! {
            biased;
            ended = reports.recv() => match ended {
                // A task that ended without a report panicked outside of the user's function, and the log says where.
                None => return if left == 0 { code } else { code.max(FAILED) },
                Some((label, ended)) => {
                    left -= 1;
                    let result = tell(&label, &ended);
                    if result != 0 {
                        stop.cancel();
                    }
                    code = code.max(result);
                }
            },
            () = signals.next() => {
                if stop.is_cancelled() {
                    std::process::exit(INTERRUPTED);
                }
                stop.cancel();
            }
            () = until(waits) => stop.cancel(),
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Says how a node ended, if not well; gives its exit code.
fn tell(label: &str, ended: &Ended) -> u8 {
    match ended {
        Ended::Done => return 0,
        Ended::Failed(error) => {
            eprintln!("{label} failed: {error}");
            return FAILED;
        }
        Ended::Refused(problems) => eprintln!("{problems}"),
        Ended::NotStarted(error) => eprintln!("{label} cannot start: {error}"),
        Ended::NotProven(error) => eprintln!("{label} cannot start: {error}"),
    }
    NOT_STARTED
}

/// Ctrl-C and SIGTERM. On a system that refuses to watch them, they end the process as usual.
struct Signals([Option<Signal>; 2]);

impl Signals {
    fn new() -> Self {
        Self([SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok()))
    }

    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            biased;
            () = one(interrupt) => {}
            () = one(terminate) => {}
        }
    }
}

async fn one(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    pending().await
}
