//! Hundreds of groups on one node: they share its connections and its store.

use super::*;
use crate::groups::settings::Storage;

/// Groups beside the one that every node of the lab opens.
const MANY: usize = 200;

#[tokio::test(start_paused = true)]
async fn hundreds_of_groups_share_the_connections_and_the_store_of_a_node() {
    let mut lab = Lab::new(81);
    let durable = GroupSettings { storage: Storage::Durable, ..three() };
    let nodes = lab.many(3, &durable).await;
    give(&nodes, 1).await;
    settled(&nodes, &[1, 2, 3], &[1]).await;
    sleep(Duration::from_secs(10)).await;
    let connections = lab.net.connections();
    let mut groups: Vec<Vec<Instance>> = (0..MANY).map(|_| Vec::new()).collect();
    for node in &nodes {
        for (number, group) in groups.iter_mut().enumerate() {
            // A disk serves the store that was opened last: a second store of a node would end the first.
            let opened = open_named(&node.hub, &format!("numbers.n{number}"), durable.clone()).await;
            group.push(opened.expect("it opens").0);
        }
    }
    let online = async {
        for instance in groups.iter().flatten() {
            let mut view = instance.view();
            view.wait_for(|view| view.is_online()).await.expect("it lives");
        }
    };
    timeout(LONG, online).await.expect("all are online");
    for (number, group) in groups.iter().enumerate() {
        let given = async {
            loop {
                for instance in group.iter().filter(|instance| instance.view().borrow().is_leader) {
                    if give_to(instance, number as u64).await.is_ok() {
                        return;
                    }
                }
                sleep(STEP).await;
            }
        };
        timeout(LONG, given).await.expect("each takes a command");
    }
    // Two nodes that compare their catalogs have one more for a moment.
    let now = lab.net.connections();
    assert!(now <= connections + 3, "{connections} connections with one group, {now} with {MANY} more");
    give(&nodes, 2).await;
    settled(&nodes, &[1, 2, 3], &[1, 2]).await;
}
