//! One writer, and eight readers that follow every change.

use mosaik_runtime::collections::{Change, MapChange};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    measured::{Measured, Meter},
    nodes::{self, LONG},
};
use crate::common::Fallible;

const READERS: usize = 8;
const CALLERS: u64 = 256;

/// One run with so many changes.
pub(crate) async fn measure(changes: u64) -> Fallible<Vec<Measured>> {
    let name = nodes::name("fan-out");
    let (network, writer) = nodes::writer(&name, 1).await?;
    nodes::online(&writer).await?;
    writer.insert(u64::MAX, 0).await?;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let (network, reader) = nodes::reader(&name).await?;
        timeout(LONG, reader.when().online()).await.map_err(|_| "a reader did not come online")?;
        readers.push((network, reader));
    }
    let received = || readers.iter().map(|(_, reader)| reader.status().received.bytes).sum::<u64>();
    let mut tasks = JoinSet::new();
    for (_, reader) in &readers {
        let mut following = reader.changes();
        if !matches!(following.next().await, Some(Change::Snapshot(_))) {
            return Err("the state does not come first".into());
        }
        tasks.spawn(async move {
            let mut seen = 0;
            while seen < changes {
                match timeout(LONG, following.next()).await.map_err(|_| "nothing comes")? {
                    Some(Change::Changed { change: MapChange::Inserted { .. }, .. }) => seen += 1,
                    other => return Err(format!("it is no insertion: {other:?}").into()),
                }
            }
            Fallible::Ok(())
        });
    }
    let (before, start, meter) = (received(), Instant::now(), Meter::start()?);
    for caller in 0..CALLERS {
        let writer = writer.clone();
        tasks.spawn(async move {
            for number in (caller..changes).step_by(CALLERS as usize) {
                writer.insert(number, number).await?;
            }
            Ok(())
        });
    }
    tasks.join_all().await.into_iter().collect::<Fallible>()?;
    let (took, cores) = (start.elapsed().as_secs_f64(), meter.cores()?);
    let bytes = (received() - before) as f64 / (changes * READERS as u64) as f64;
    nodes::close(readers.into_iter().map(|(network, _)| network).chain([network])).await;
    let figure = |name: &str, value, unit| Measured { name: name.to_owned(), value, unit, cores };
    Ok(vec![
        figure("changes-to-8", changes as f64 / took, "changes/s"),
        figure("bytes-of-a-change", bytes, "B"),
    ])
}
