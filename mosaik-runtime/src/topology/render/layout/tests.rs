//! Pictures of any graph: nothing overlaps, nothing lies outside, arrows end at their boxes.

use proptest::prelude::*;

use super::*;

fn graphs() -> impl Strategy<Value = (Vec<Size>, Vec<Arrow>)> {
    let size = (40.0..200.0_f64, 20.0..90.0_f64, prop::bool::ANY);
    let size =
        size.prop_map(|(width, height, hex)| Size { width, height, cut: if hex { 16.0 } else { 0.0 } });
    prop::collection::vec(size, 1..12).prop_flat_map(|boxes| {
        let count = boxes.len();
        let arrow =
            (0..count, 0..count, 0.0..150.0_f64).prop_map(|(from, to, label)| Arrow { from, to, label });
        let arrows = prop::collection::vec(arrow, 0..20);
        (Just(boxes), arrows.prop_map(|arrows| arrows.into_iter().filter(|a| a.from != a.to).collect()))
    })
}

proptest! {
    #[test]
    fn boxes_lie_inside_and_apart_and_arrows_touch_them((boxes, arrows) in graphs()) {
        let layout = lay_out(&boxes, &arrows);
        let placed: Vec<_> = layout.centres.iter().zip(&boxes).collect();
        for (at, (centre, size)) in placed.iter().enumerate() {
            prop_assert!(centre.x - size.width / 2.0 >= -0.01 && centre.x + size.width / 2.0 <= layout.width + 0.01);
            prop_assert!(centre.y - size.height / 2.0 >= -0.01 && centre.y + size.height / 2.0 <= layout.height + 0.01);
            for (other, room) in &placed[at + 1..] {
                let beside = (centre.x - other.x).abs() >= (size.width + room.width) / 2.0;
                let below = (centre.y - other.y).abs() >= (size.height + room.height) / 2.0;
                prop_assert!(beside || below, "two boxes overlap");
            }
        }
        for (arrow, route) in arrows.iter().zip(&layout.routes) {
            for (end, at) in [(route.first(), arrow.from), (route.last(), arrow.to)] {
                let (end, centre, size) = (end.expect("a route has two ends"), layout.centres[at], boxes[at]);
                prop_assert!((end.x - centre.x).abs() <= size.width / 2.0 + 0.01);
                prop_assert!((end.y - centre.y).abs() <= size.height / 2.0 + 0.01);
            }
        }
    }
}

fn boxes(count: usize) -> Vec<Size> {
    vec![Size { width: 100.0, height: 40.0, cut: 0.0 }; count]
}

fn arrows(pairs: &[(usize, usize)]) -> Vec<Arrow> {
    pairs.iter().map(|(from, to)| Arrow { from: *from, to: *to, label: 0.0 }).collect()
}

#[test]
fn data_flows_from_left_to_right_and_a_cycle_turns_one_arrow() {
    let layout = lay_out(&boxes(4), &arrows(&[(0, 1), (1, 2), (2, 3), (3, 0)]));
    let xs: Vec<f64> = layout.centres.iter().map(|centre| centre.x).collect();
    assert!(xs.is_sorted(), "{xs:?}");
    let back = &layout.routes[3];
    assert!(back[0].x > back[back.len() - 1].x, "the last arrow runs back");
}

#[test]
fn lines_that_need_not_cross_do_not() {
    // Given crosswise: the first box feeds the last one.
    let layout = lay_out(&boxes(4), &arrows(&[(0, 3), (1, 2)]));
    let rows: Vec<f64> = layout.centres.iter().map(|centre| centre.y).collect();
    assert_eq!(rows[0] < rows[1], rows[3] < rows[2], "{rows:?}");
}
