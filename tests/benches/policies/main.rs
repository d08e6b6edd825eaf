//! What it costs to decide about a peer: `cargo bench --bench policies`.
//!
//! ```text
//! cargo bench --bench policies                the median of nine runs of a second each
//! cargo bench --bench policies -- --quick     of three short ones
//! cargo bench --bench policies -- --only "from cache"     one row, for a profiler
//! ```
//!
//! Prints one line per row, as a table of `docs/performance.md`. Two nodes of this process meet over QUIC on 127.0.0.1. One shows a
//! token (ES256), the other one decides about the policy `Desk & tag("desk")`, on one thread, again and again.
//!
//! | row | what |
//! |---|---|
//! | evaluate | the policy, on a view of the peer that is in hand |
//! | from cache | everything that a decision takes when nothing changed: the entry is looked up, the ticket that it names, the verdict about it, and revocations; then the policy is evaluated |
//! | validate | one token: its signature, its claims; what the cache saves |

use std::{hint::black_box, process::ExitCode, time::Duration};

use mosaik::{
    Network,
    primitives::{
        Decision, NodeRng, Policy,
        policy::{proof, tag},
    },
    tickets::{
        Class, Shown, Ticket,
        jwt::{Algorithm, Claims, Jwt, KeySet, NumericDate, Signer},
    },
};
use mosaik_tests::scratch::Scratch;
use tokio::time::Instant;

/// Calls between two looks at the clock.
const BATCH: u32 = 1000;

type Fallible<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let only = arguments.iter().skip_while(|argument| *argument != "--only").nth(1).cloned();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done =
        runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(measure(quick, only.as_deref())));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(quick: bool, only: Option<&str>) -> Fallible {
    let (runs, time) = if quick { (3, Duration::from_millis(100)) } else { (9, Duration::from_secs(1)) };
    let scratch = Scratch::new();
    let builder = || Network::builder("bench").runtime_dir(scratch.path());
    let (gate, desk) = (builder().build().await?, builder().tags(["desk"]).build().await?);
    let signer = Signer::generate(Algorithm::Es256, &mut NodeRng::from_system())?.named("house");
    let jwt = || -> Fallible<Jwt> { Ok(Jwt::new("Desk", KeySet::new([signer.key()])?).issuer("house")) };
    gate.tickets().trust(jwt()?)?;
    let (id, made) = (desk.local().id(), NumericDate::from(desk.clock().wall()));
    let claims = Claims {
        issuer: Some("house".to_owned()),
        subject: Some(id.to_string()),
        audience: vec!["bench".to_owned()],
        issued_at: Some(made),
        expires: Some(NumericDate(made.0 + 86_400)),
        ..Claims::default()
    };
    let ticket = Ticket::new(Class::jwt(), signer.issue(&claims)?)?;
    desk.tickets().add(ticket.clone())?;
    let policy: Policy = proof("Desk") & tag("desk");
    let admission = gate.admission();
    while policy.evaluate(&admission.view(&policy, &id).await) != Decision::Yes {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let view = admission.view(&policy, &id).await;
    let asked = gate.tickets().asked();
    println!("| row | a call |\n|---|---|");
    let wanted = |row: &str| only.is_none_or(|only| only == row);
    if wanted("evaluate") {
        let evaluate = timed(runs, time, async || {
            let _ = black_box(black_box(&policy).evaluate(black_box(&view)));
        });
        row("evaluate", evaluate.await);
    }
    if wanted("from cache") {
        let cached = timed(runs, time, async || {
            let view = admission.view(&policy, &id).await;
            assert_eq!(policy.evaluate(&view), Decision::Yes);
        });
        row("from cache", cached.await);
        assert_eq!(gate.tickets().asked(), asked, "no validator was asked");
    }
    if wanted("validate") {
        let (jwt, now) = (jwt()?, gate.clock().wall());
        let validate = timed(runs, time, async || {
            let shown = Shown { ticket: &ticket, peer: id, network: "bench", now };
            assert!(black_box(jwt.check(shown)).is_ok());
        });
        row("validate", validate.await);
    }
    futures::join!(gate.shutdown(), desk.shutdown());
    Ok(())
}

/// Nanoseconds of one call: the median of so many runs.
async fn timed(runs: usize, time: Duration, mut call: impl AsyncFnMut()) -> f64 {
    let mut all = Vec::new();
    for _ in 0..runs {
        let (begun, mut calls) = (Instant::now(), 0_u32);
        while begun.elapsed() < time {
            for _ in 0..BATCH {
                call().await;
            }
            calls += BATCH;
        }
        all.push(begun.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn row(name: &str, nanos: f64) {
    if nanos < 1000.0 {
        println!("| {name} | {nanos:.0} ns |");
    } else {
        println!("| {name} | {:.1} µs |", nanos / 1000.0);
    }
}
