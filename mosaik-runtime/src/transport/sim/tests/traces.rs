use tokio::time::sleep;

use super::*;

/// A little of everything, and the hash of its trace.
async fn story(seed: u64) -> TraceHash {
    let pair = pair(seed).await;
    pair.net.adjust_links(|link| link.loss = 0.2);
    for round in 0..20 {
        let (mut send, mut recv) = stream(&pair).await;
        send.write_all(&vec![0; round * 1000]).await.expect("there is room");
        send.finish();
        if round == 10 {
            pair.net.partition(&[pair.one.id], &[pair.two.id]);
            sleep(secs(5)).await;
            pair.net.heal();
        }
        read_all(&mut recv).await.expect("the connection lives");
    }
    pair.net.crash(pair.one.id);
    pair.far.closed().await;
    pair.net.trace_hash()
}

fn run(seed: u64) -> TraceHash {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(story(seed))
}

#[test]
fn one_seed_gives_one_trace_and_two_give_two() {
    let (first, again, other) = (run(7), run(7), run(8));
    assert!(first.events > 60);
    assert_eq!(first, again);
    assert_ne!(first.hash, other.hash);
}

#[tokio::test(start_paused = true)]
async fn the_last_events_can_be_read() {
    let pair = pair(7).await;
    pair.near.close(3, b"");
    let last = pair.net.trace().pop().expect("something happened");
    assert_eq!((last.class, last.from, last.to), (Class::Close, pair.one.id, pair.two.id));
    assert!(last.to_string().contains("Close connection 1"));
}
