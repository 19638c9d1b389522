//! The second model itself against the lease model's table of who takes from whom.

use crate::support::World;
use crate::support::model::reclaim::{Request, Victim, gone};

fn request(world: &World) -> Request {
    let requests = world.requests(&world.tree());
    requests.into_iter().next().expect("somebody asks")
}

/// The accounts of the victims that the request may take at first.
fn may_take(world: &World) -> Vec<String> {
    let tree = world.tree();
    let (request, used) = (request(world), tree.charged(world));
    let lacks = request.lacks(&tree, &used);
    let mut names: Vec<_> = world
        .victims(&tree)
        .iter()
        .filter(|victim| request.may_take(&tree, &used, &lacks, victim))
        .map(|victim| tree.accounts[victim.account].name.clone())
        .collect();
    names.dedup();
    names
}

fn asked(tree: &str, events: &str) -> World {
    let mut world = World::of(tree);
    let mut lines = events
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    lines.by_ref().for_each(|line| {
        let (_, line) = crate::support::listing::time_of(line);
        crate::support::listing::feed_line(&mut world, line);
    });
    world
}

const TWO_LINES: &str = "
    root 40
    ├─ L 20
    │  ├─ l1 10
    │  └─ l2 10
    └─ R 20
    ";

#[test]
fn sisters_give_what_they_borrowed() {
    let world = asked(
        TWO_LINES,
        "0s found l1/w 5 x 4\n0s found R/w 5 x 4\n0s pod l2/web 10",
    );
    assert_eq!(may_take(&world), ["l1"]);
}

#[test]
fn outsiders_give_what_belongs_to_the_line_of_business() {
    let world = asked(
        TWO_LINES,
        "0s found l1/w 10\n0s found R/w 5 x 6\n0s pod l1/web 10",
    );
    assert_eq!(may_take(&world), ["R"]);
}

#[test]
fn what_a_sister_gives_opens_the_way_to_the_outsiders() {
    let world = asked(
        TWO_LINES,
        "0s found l1/w 5 x 3\n0s found R/w 5 x 5\n0s pod l2/web 10",
    );
    assert_eq!(may_take(&world), ["l1"]);
    let tree = world.tree();
    let (request, used) = (request(&world), tree.charged(&world));
    let lacks = request.lacks(&tree, &used);
    let victims = world.victims(&tree);
    let of = |name: &str| -> &Victim {
        let account = tree.find(name);
        victims
            .iter()
            .find(|victim| victim.account == account)
            .expect("it runs something")
    };
    let (sister, outsider) = (of("l1"), of("R"));
    assert!(request.may_take_all(&tree, &used, &lacks, &[sister, outsider]));
    assert!(!request.may_take_all(&tree, &used, &lacks, &[outsider]));
    assert!(request.fits(&tree, &gone(&used, &[sister, outsider])));
    assert!(!request.fits(&tree, &gone(&used, &[sister])));
}

#[test]
fn a_lessor_that_has_leased_all_gives_to_its_lessee() {
    let world = asked(
        "root 20\n   n 20\n      c 20",
        "0s found n/w 20\n0s pod c/web 20",
    );
    assert_eq!(may_take(&world), ["n"]);
}

#[test]
fn the_last_victim_straddles() {
    let world = asked("root 10\n   a 3\n   b 7", "0s found a/w 5\n0s pod b/web 7");
    let tree = world.tree();
    let (request, used) = (request(&world), tree.charged(&world));
    let lacks = request.lacks(&tree, &used);
    let victim = &world.victims(&tree)[0];
    assert!(request.may_take(&tree, &used, &lacks, victim));
    assert!(request.straddles(&tree, &used, &lacks, victim));
}

#[test]
fn what_is_kept_back_is_not_there_to_lend() {
    let tree = "
        root 2
        ├─ n 1
        │  ├─ c1 1 lend 0
        │  └─ c2 0
        └─ R 1
        ";
    let world = asked(tree, "0s found c2/w 1\n0s pod R/web 1");
    assert_eq!(may_take(&world), ["c2"]);
}
