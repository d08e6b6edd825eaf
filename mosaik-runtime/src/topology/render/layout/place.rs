//! Where everything stands, in pixels.

use super::{Arrow, Hop, Layers, Layout, Path, Point, SWEEPS, Size, Slot};

const COLUMN_GAP: f64 = 70.0;
const ROW_GAP: f64 = 26.0;

impl Layers {
    /// Stacks each column, then moves every slot towards its neighbours as far as those above and below let it.
    pub(super) fn align_rows(&mut self) {
        for column in self.columns.clone() {
            let wanted = vec![0.0; column.len()];
            self.place(&column, &wanted);
        }
        for sweep in 0..SWEEPS {
            let mut columns = self.columns.clone();
            if sweep % 2 == 1 {
                columns.reverse();
            }
            for column in columns {
                let wanted: Vec<f64> = column.iter().map(|at| self.wanted(*at, sweep % 2 == 0)).collect();
                self.place(&column, &wanted);
            }
        }
    }

    fn wanted(&self, at: usize, on_the_left: bool) -> f64 {
        let near = self.neighbours(at, on_the_left);
        if near.is_empty() {
            return self.slots[at].y;
        }
        near.iter().map(|other| self.slots[*other].y).sum::<f64>() / near.len() as f64
    }

    /// Places a column as near to what its slots want as its order and the gaps allow.
    fn place(&mut self, column: &[usize], wanted: &[f64]) {
        let mut previous: Option<usize> = None;
        for (at, wish) in column.iter().zip(wanted) {
            let least = previous.map(|above| {
                let (above, here) = (&self.slots[above], &self.slots[*at]);
                above.y + (above.size.height + here.size.height) / 2.0 + ROW_GAP
            });
            self.slots[*at].y = least.map_or(*wish, |least| wish.max(least));
            previous = Some(*at);
        }
        // Being pushed goes downwards only: shift the column back by what it was pushed on average.
        let pushed: f64 = column.iter().zip(wanted).map(|(at, wish)| self.slots[*at].y - wish).sum();
        let back = pushed / column.len().max(1) as f64;
        column.iter().for_each(|at| self.slots[*at].y -= back);
    }

    pub(super) fn finish(mut self, boxes: &[Size], arrows: &[Arrow]) -> Layout {
        let top = |slot: &Slot| slot.y - slot.size.height / 2.0;
        let least = self.slots.iter().map(top).fold(f64::INFINITY, f64::min);
        self.slots.iter_mut().for_each(|slot| slot.y -= least);
        let height = self.slots.iter().map(|slot| slot.y + slot.size.height / 2.0).fold(0.0, f64::max);
        let (lefts, widths, width) = self.column_places(arrows);
        let mut xs = vec![0.0; self.slots.len()];
        for (index, column) in self.columns.iter().enumerate() {
            column.iter().for_each(|at| xs[*at] = lefts[index] + widths[index] / 2.0);
        }
        let routes = self.paths.iter().map(|path| self.route(path, boxes, &xs)).collect();
        let centres = (0..boxes.len()).map(|at| Point { x: xs[at], y: self.slots[at].y }).collect();
        Layout { width, height, centres, routes }
    }

    fn route(&self, path: &Path, boxes: &[Size], xs: &[f64]) -> Vec<Point> {
        let mut points = Vec::new();
        for index in path.hops.clone() {
            let Hop { left, right } = self.hops[index];
            for (at, right_side) in [(left, true), (right, false)] {
                let port = self.port(index, at, right_side);
                let side = |size: &Size| size.width / 2.0 - size.cut * port.abs() * 2.0 / size.height;
                let reach = boxes.get(at).map_or(0.0, side);
                let x = if right_side { xs[at] + reach } else { xs[at] - reach };
                points.push(Point { x, y: self.slots[at].y + port });
            }
        }
        if path.turned {
            points.reverse();
        }
        points
    }

    /// How far from the middle of a side the hop `own` begins or ends, so that several do not meet in a point.
    fn port(&self, own: usize, at: usize, right_side: bool) -> f64 {
        let ends = |hop: &Hop| if right_side { (hop.left, hop.right) } else { (hop.right, hop.left) };
        let here = self.hops.iter().enumerate().filter(|(_, hop)| ends(hop).0 == at);
        let mut others: Vec<(f64, usize)> =
            here.map(|(index, hop)| (self.slots[ends(hop).1].y, index)).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let place = others.iter().position(|(_, index)| *index == own).unwrap_or(0);
        let gaps = others.len().saturating_sub(1) as f64;
        let step = if gaps > 0.0 { (self.slots[at].size.height * 0.5 / gaps).min(24.0) } else { 0.0 };
        (place as f64 - gaps / 2.0) * step
    }

    /// The left edge and the width of each column, and the width of all; labels get their room between columns.
    fn column_places(&self, arrows: &[Arrow]) -> (Vec<f64>, Vec<f64>, f64) {
        let column_of = self.columns_of();
        let mut gaps = vec![COLUMN_GAP; self.columns.len()];
        for (path, arrow) in self.paths.iter().zip(arrows) {
            // The label stands on the first hop as the arrow points.
            let first = if path.turned { path.hops.end - 1 } else { path.hops.start };
            let gap = &mut gaps[column_of[self.hops[first].left]];
            *gap = gap.max(arrow.label + 36.0);
        }
        let (mut lefts, mut widths, mut x) = (Vec::new(), Vec::new(), 0.0);
        for (index, column) in self.columns.iter().enumerate() {
            let width = column.iter().map(|at| self.slots[*at].size.width).fold(0.0, f64::max);
            lefts.push(x);
            widths.push(width);
            x += width + if index + 1 < self.columns.len() { gaps[index] } else { 0.0 };
        }
        (lefts, widths, x)
    }
}
