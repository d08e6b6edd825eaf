//! A small layered layout from left to right: where boxes stand and which way arrows go.
//!
//! The usual four steps: turn arrows that close a cycle, give each box a column, order the columns so that few arrows
//! cross, then align boxes with their neighbours. It is meant for programs of some dozens of nodes, and gives the same
//! picture for the same graph on every machine.

mod order;
mod place;
mod rank;

use std::ops::Range;

/// A point, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A box to be placed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
    /// How far the upper and lower ends of its sides are drawn in: 0 for a rectangle.
    pub(super) cut: f64,
}

/// An arrow to be drawn; its label needs this much room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: f64,
}

/// The result.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The centre of each box.
    pub(super) centres: Vec<Point>,
    /// The points of each arrow, from its tail to its head.
    pub(super) routes: Vec<Vec<Point>>,
}

const SWEEPS: usize = 12;

/// What stands in a column: a box, or the place where a long arrow passes.
#[derive(Debug)]
struct Slot {
    size: Size,
    y: f64,
}

/// One step of an arrow between neighbouring columns, left to right.
#[derive(Debug, Clone, Copy)]
struct Hop {
    left: usize,
    right: usize,
}

struct Layers {
    slots: Vec<Slot>,
    columns: Vec<Vec<usize>>,
    hops: Vec<Hop>,
    paths: Vec<Path>,
}

/// An arrow as the run of its hops from left to right; a turned one is drawn from its end.
struct Path {
    turned: bool,
    hops: Range<usize>,
}

pub(super) fn lay_out(boxes: &[Size], arrows: &[Arrow]) -> Layout {
    let turned = rank::turned_arrows(boxes.len(), arrows);
    let ranks = rank::ranks(boxes.len(), arrows, &turned);
    let mut layers = Layers::new(boxes, arrows, &turned, &ranks);
    layers.order_columns();
    layers.align_rows();
    layers.finish(boxes, arrows)
}

impl Layers {
    fn new(boxes: &[Size], arrows: &[Arrow], turned: &[bool], ranks: &[usize]) -> Self {
        let columns = vec![Vec::new(); ranks.iter().max().map_or(0, |last| last + 1)];
        let slots = boxes.iter().map(|size| Slot { size: *size, y: 0.0 }).collect();
        let mut layers = Self { slots, columns, hops: Vec::new(), paths: Vec::new() };
        for (at, rank) in ranks.iter().enumerate() {
            layers.columns[*rank].push(at);
        }
        for (arrow, turned) in arrows.iter().zip(turned) {
            let (left, right) = rank::left_to_right(arrow, *turned);
            let first = layers.hops.len();
            let mut at = left;
            for column in ranks[left] + 1..ranks[right] {
                let pass = layers.slots.len();
                layers.slots.push(Slot { size: Size { width: 0.0, height: 8.0, cut: 0.0 }, y: 0.0 });
                layers.columns[column].push(pass);
                layers.hops.push(Hop { left: at, right: pass });
                at = pass;
            }
            layers.hops.push(Hop { left: at, right });
            layers.paths.push(Path { turned: *turned, hops: first..layers.hops.len() });
        }
        layers
    }

    fn neighbours(&self, at: usize, on_the_left: bool) -> Vec<usize> {
        let ends = self
            .hops
            .iter()
            .map(|hop| if on_the_left { (hop.right, hop.left) } else { (hop.left, hop.right) });
        ends.filter(|(here, _)| *here == at).map(|(_, there)| there).collect()
    }

    fn positions(&self) -> Vec<usize> {
        let mut positions = vec![0; self.slots.len()];
        for column in &self.columns {
            column.iter().enumerate().for_each(|(position, at)| positions[*at] = position);
        }
        positions
    }

    fn columns_of(&self) -> Vec<usize> {
        let mut columns = vec![0; self.slots.len()];
        for (index, column) in self.columns.iter().enumerate() {
            column.iter().for_each(|at| columns[*at] = index);
        }
        columns
    }
}

#[cfg(test)]
mod tests;
