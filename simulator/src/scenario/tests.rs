//! Bad files and what is said about them, good files and what is read, and files that chance has bitten.

mod bitten;
mod builtins;
mod documents;
mod leases;
mod mistakes;
mod reading;

use super::read_text;
use crate::model::Scenario;
use expect_test::Expect;

const HEAD: &str = "\
apiVersion: leasehold.dev/v1alpha1
kind: Scenario
metadata: {name: x}
spec:
";

const CLUSTER: &str =
    "  cluster: {nodes: [{name: std, count: 10, allocatable: {cpu: \"10\", memory: 64Gi}}]}\n";

const POOL: &str = "
  objects:
    - apiVersion: leasehold.dev/v1alpha1
      kind: CapacityPool
      metadata: {name: general}
      spec: {rootNamespace: root, resources: [cpu]}
";

/// What is said about a text, a line for each problem.
fn said(text: &str) -> String {
    let (_, problems) = read_text(text, "s.yaml");
    problems.iter().map(|p| format!("{p}\n")).collect()
}

fn check(spec: &str, expected: Expect) {
    expected.assert_eq(&said(&format!("{HEAD}{spec}")));
}

fn scenario(spec: &str) -> Scenario {
    let (scenario, problems) = read_text(&format!("{HEAD}{spec}"), "s.yaml");
    assert_eq!(problems, []);
    scenario.unwrap()
}

fn lease(lessor: &str, lessee: &str, more: &str) -> String {
    format!(
        "    - {{apiVersion: leasehold.dev/v1alpha1, kind: CapacityLease, metadata: {{name: {lessee}, namespace: \
         {lessor}}}, spec: {{pool: general, lessee: {lessee}, {more}}}}}\n"
    )
}
