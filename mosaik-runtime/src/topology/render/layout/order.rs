//! The order of the boxes within each column.

use super::{Layers, SWEEPS};

impl Layers {
    /// Sweeps to and fro, sorting each column by the mean position of its neighbours, and keeps the best order.
    pub(super) fn order_columns(&mut self) {
        let mut best = (self.crossings(), self.columns.clone());
        for sweep in 0..SWEEPS {
            let rightwards = sweep % 2 == 0;
            let mut order: Vec<usize> = (0..self.columns.len()).collect();
            if !rightwards {
                order.reverse();
            }
            for column in order {
                let positions = self.positions();
                let mean = |at: &usize| {
                    let near = self.neighbours(*at, rightwards);
                    let sum: usize = near.iter().map(|other| positions[*other]).sum();
                    // In thousandths, so that the order is one of whole numbers.
                    (sum * 1000).checked_div(near.len()).unwrap_or(positions[*at] * 1000)
                };
                let mut keyed: Vec<(usize, usize)> =
                    self.columns[column].iter().map(|at| (mean(at), *at)).collect();
                keyed.sort_by_key(|(mean, _)| *mean);
                self.columns[column] = keyed.into_iter().map(|(_, at)| at).collect();
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    fn crossings(&self) -> usize {
        let positions = self.positions();
        let column_of = self.columns_of();
        let hops: Vec<_> = self
            .hops
            .iter()
            .map(|hop| (column_of[hop.left], positions[hop.left], positions[hop.right]))
            .collect();
        let cross = |a: &(usize, usize, usize), b: &(usize, usize, usize)| {
            a.0 == b.0 && ((a.1 < b.1 && a.2 > b.2) || (a.1 > b.1 && a.2 < b.2))
        };
        hops.iter().enumerate().map(|(i, a)| hops[i + 1..].iter().filter(|b| cross(a, b)).count()).sum()
    }
}
