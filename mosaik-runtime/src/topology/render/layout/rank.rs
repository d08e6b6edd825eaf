//! Which column each box stands in.

use super::Arrow;

/// Which arrows point against the flow: those that close a cycle when the boxes are walked in their order.
pub(super) fn turned_arrows(boxes: usize, arrows: &[Arrow]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut turned = vec![false; arrows.len()];
    let mut marks = vec![Mark::New; boxes];
    for root in 0..boxes {
        // The stack holds boxes and, for each, the arrow to look at next.
        let mut stack = Vec::new();
        if marks[root] == Mark::New {
            marks[root] = Mark::Open;
            stack.push((root, 0));
        }
        while let Some((at, next)) = stack.pop() {
            let Some(arrow) = (next..arrows.len()).find(|arrow| arrows[*arrow].from == at) else {
                marks[at] = Mark::Done;
                continue;
            };
            stack.push((at, arrow + 1));
            let to = arrows[arrow].to;
            match marks[to] {
                Mark::Open => turned[arrow] = true,
                Mark::Done => {}
                Mark::New => {
                    marks[to] = Mark::Open;
                    stack.push((to, 0));
                }
            }
        }
    }
    turned
}

pub(super) fn left_to_right(arrow: &Arrow, turned: bool) -> (usize, usize) {
    if turned { (arrow.to, arrow.from) } else { (arrow.from, arrow.to) }
}

/// The column of each box: the longest way to it; a box without a way to it stands just before its first reader.
pub(super) fn ranks(boxes: usize, arrows: &[Arrow], turned: &[bool]) -> Vec<usize> {
    let pairs: Vec<(usize, usize)> =
        arrows.iter().zip(turned).map(|(arrow, turned)| left_to_right(arrow, *turned)).collect();
    let mut ranks = vec![0; boxes];
    // Without cycles the longest way has fewer steps than there are boxes.
    for _ in 0..boxes {
        let mut changed = false;
        for (left, right) in &pairs {
            if ranks[*right] <= ranks[*left] {
                ranks[*right] = ranks[*left] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for at in 0..boxes {
        let is_source = pairs.iter().all(|(_, right)| *right != at);
        let first_reader = pairs.iter().filter(|(left, _)| *left == at).map(|(_, right)| ranks[*right]).min();
        if let (true, Some(reader)) = (is_source, first_reader) {
            ranks[at] = reader - 1;
        }
    }
    ranks
}
