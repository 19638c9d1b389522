//! What becomes of scenarios.

use super::*;

fn plan(name: &str, owner: Owner) -> Plan {
    let text = simulator::builtin::text(name).unwrap();
    let (scenario, _) = simulator::scenario::read_text(&text, name);
    let manner = Manner {
        owner,
        brings_gate: false,
    };
    Plan::new(&scenario.unwrap(), &text, manner).unwrap()
}

#[test]
fn the_published_case_becomes_its_nodes_jobs_and_steps() {
    let plan = plan("edl-case2", Owner::Deployment);
    let nodes: usize = plan.nodes.iter().map(|group| group.count).sum();
    assert_eq!((nodes, plan.duration), (133, Span::seconds(680)));
    assert_eq!(plan.works.len(), 19, "6 jobs of three parts and the web");
    let kinds = |kind: &str| {
        plan.ground
            .iter()
            .filter(|object| object["kind"] == kind)
            .count()
    };
    assert_eq!(
        (kinds("Pod"), kinds("CapacityLease"), kinds("CapacityPool")),
        (133, 8, 1)
    );
    let scaled: Vec<(i64, u32)> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.deed {
            Deed::Scale(_, count) => Some((step.at.0 / 1000, *count)),
            _ => None,
        })
        .collect();
    assert_eq!(
        scaled,
        [
            (110, 300),
            (200, 200),
            (290, 100),
            (380, 200),
            (470, 300),
            (560, 400)
        ]
    );
}

#[test]
fn an_elastic_job_is_a_deployment_with_its_bounds_beside_it() {
    let plan = plan("edl-case2", Owner::Deployment);
    let created: Vec<&Value> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.deed {
            Deed::Create(objects) => Some(objects),
            _ => None,
        })
        .flatten()
        .filter(|object| object["metadata"]["name"] == "job-0")
        .collect();
    let [deployment, elastic] = created[..] else {
        panic!("{created:#?}")
    };
    assert_eq!(
        (&deployment["kind"], &deployment["spec"]["replicas"]),
        (&json!("Deployment"), &json!(15))
    );
    let requests =
        &deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"];
    assert_eq!(*requests, json!({"cpu": "5000m", "memory": "8589934592"}));
    let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(
        annotations["testbed.leasehold.dev/termination-seconds"],
        "2.000"
    );
    assert_eq!(
        (
            &elastic["spec"]["minReplicas"],
            &elastic["spec"]["maxReplicas"]
        ),
        (&json!(2), &json!(60))
    );
    assert_eq!(elastic["spec"]["cooldownSeconds"], 5);
}

#[test]
fn jobs_of_a_fixed_size_are_jobs() {
    let plan = plan("edl-case2-fixed", Owner::Deployment);
    assert!(plan.works.values().all(|work| !work.is_elastic));
    let key = WorkKey::new(&"team-0".into(), &"job-0".into());
    let ends = plan
        .steps
        .iter()
        .find(|step| matches!(&step.deed, Deed::Delete(job, ..) if *job == key));
    assert!(ends.is_some_and(|step| matches!(step.deed, Deed::Delete(_, "batch/v1", "Job"))));
}

#[test]
fn what_cannot_be_played_is_refused_by_name() {
    let text = simulator::builtin::text("diurnal").unwrap();
    let (scenario, _) = simulator::scenario::read_text(&text, "diurnal");
    let manner = Manner {
        owner: Owner::Job,
        brings_gate: false,
    };
    let refused = Plan::new(&scenario.unwrap(), &text, manner)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("cannot be played") || refused.contains("can be played"),
        "{refused}"
    );
}
