//! The drawings say what they show: the support checked against itself.

use crate::support::amount::{parse, parse_time, show, show_time};
use crate::support::drawing::Drawing;
use crate::support::listing::time_of;
use crate::support::world::{State, World};
use engine::Time;
use engine::spec::{OnExpiry, Queueing};

#[test]
fn amounts_are_read_and_written_alike() {
    for text in ["30", "500m", "10/4", "1500m/2", "0"] {
        assert_eq!(show(&parse(text)), text);
    }
    assert_eq!(parse("0.5"), [500]);
    assert_eq!(show_time(parse_time("90s")), "90s");
    assert_eq!(show_time(parse_time("1500ms")), "1500ms");
}

#[test]
fn a_drawing_becomes_leases_by_its_indentation() {
    let drawing = Drawing::parse(
        "
        root 50 reserve 2
        ├─ left 30  limit 35 weight 2
        │  ├─ l1 10 lend 5 use 1
        │  └─ l2 10 from 5s until 20s drain
        └─ right 18 fifo
        ",
    );
    let edges: Vec<_> = drawing
        .leases
        .iter()
        .map(|lease| format!("{}/{}", lease.key.namespace, lease.lessee))
        .collect();
    assert_eq!(edges, ["root/left", "left/l1", "left/l2", "root/right"]);
    assert_eq!(
        (&*drawing.capacity, &*drawing.reserve),
        (&[50_000][..], &[2000][..])
    );
    assert_eq!(drawing.leases[0].weight, 2);
    assert_eq!(drawing.leases[0].limit["cpu"], 35_000);
    assert_eq!(drawing.leases[2].end, Some(Time(20_000)));
    assert_eq!(drawing.leases[2].on_expiry, OnExpiry::Drain);
    assert_eq!(drawing.leases[3].queueing, Queueing::StrictFifo);
    assert_eq!(drawing.uses, [("l1".to_string(), vec![1000])]);
}

#[test]
fn a_listing_makes_the_pods_it_names() {
    assert_eq!(time_of("2s pod a/b 1"), (Time(2000), "pod a/b 1"));
    let mut world = World::of("root 9");
    world.play(
        "
        1s gang a/g 2 x 1 prio 5
        1s found a/f 3
        2s ended a/g 1
        ",
    );
    let told: Vec<_> = world
        .pods
        .values()
        .map(|pod| (&*pod.spec.name, pod.request[0], pod.spec.priority))
        .collect();
    assert_eq!(told, [("g-0", 1000, 5), ("g-1", 1000, 5), ("f", 3000, 0)]);
    assert_eq!(world.in_state(State::Ended).len(), 1);
    assert_eq!(world.now, Time(2000));
}
