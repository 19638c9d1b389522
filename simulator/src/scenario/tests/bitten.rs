//! Files that chance has bitten.

use super::super::read_text;
use super::{CLUSTER, HEAD, POOL, lease};
use crate::problem::Level;
use proptest::prelude::*;

/// A text with everything in it, to be bitten.
fn everything() -> String {
    let lease = lease(
        "root",
        "a",
        "guaranteed: {cpu: 60}, term: {start: \"2026-01-01T00:00:00Z\", end: \"2026-01-02T00:00:00Z\", renew: Auto}",
    );
    format!(
        "{HEAD}{CLUSTER}{POOL}{lease}
  start: 2026-12-01T00:00:00Z
  duration: 24h
  workloads:
    - &j
      job: {{namespace: ml, name: train, at: 10s, request: {{cpu: \"5\", memory: 8Gi}}, replicas: 60, elastic: {{min: 2, max: 60}},
            work: 36000s, efficiency: [[1, 1.0], [8, 0.9]], tolerations: [{{operator: Exists}}]}}
    - service: {{namespace: web, name: shop, priority: 10000, request: {{cpu: \"3\"}}, replicas: [{{at: 0s, count: 400}}]}}
    - *j
  events:
    - {{at: 6h, delete: {{kind: CapacityLease, namespace: root, name: a}}}}
    - {{at: 7h, node: {{drain: 10, group: std}}}}
"
    )
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        bites in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_usize..12, "[-a-z0-9:{}\\[\\],\"'&*|>%#!\\n\\t <~é.]{0,6}"),
            1..6,
        ),
    ) {
        let mut text: Vec<char> = everything().chars().collect();
        for (at, length, put) in bites {
            let from = at.index(text.len());
            let to = (from + length).min(text.len());
            text.splice(from..to, put.chars());
        }
        let text: String = text.into_iter().collect();
        let (scenario, problems) = read_text(&text, "s.yaml");
        let usable = problems.iter().all(|p| p.level == Level::Warning);
        prop_assert_eq!(scenario.is_some(), usable);
    }

    #[test]
    fn no_numbers_make_the_reader_panic(numbers in prop::collection::vec("[0-9]{1,25}(|[a-zA-Z]{1,2}|\\.[0-9]{1,12})", 12)) {
        let mut text = String::new();
        let mut next = numbers.iter().cycle();
        // Every third number is replaced.
        let whole = everything();
        let mut rest = whole.as_str();
        let mut n = 0;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, after) = rest.split_at(at);
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            text.push_str(before);
            n += 1;
            match next.next() {
                Some(number) if n > 1 && n % 3 == 0 => text.push_str(number),
                _ => text.push_str(&after[..end]),
            }
            rest = &after[end..];
        }
        text.push_str(rest);
        let _ = read_text(&text, "s.yaml");
    }
}
