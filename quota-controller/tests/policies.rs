//! The policies on a real API server, without the controller: what they add, and every way around them.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Resource};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use support::*;
use testbed::{Access, Options, User};

const GATE: &str = "leasehold.dev/admission";

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let stage = Stage::start(Options {
        // Nothing is scheduled here, so that a gate's removal is all that happens to a pod.
        schedulers: Vec::new(),
        users: vec![
            User::new("system:node:n-1", ["system:nodes"]),
            User::new("bob", ["team"]),
        ],
        ..Options::default()
    });
    stage.apply(&["deploy/crds", "deploy/install"]);
    let rights = [
        ("create pods", "system:node:n-1"),
        (
            "get,update,patch namespaces,namespaces/status,namespaces/finalize",
            "bob",
        ),
    ];
    for (number, (right, user)) in rights.into_iter().enumerate() {
        let (verbs, resources) = right.split_once(' ').unwrap();
        let role = format!("test-{number}");
        let (verbs, resources) = (format!("--verb={verbs}"), format!("--resource={resources}"));
        stage
            .kubectl(&["create", "clusterrole", &role, &verbs, &resources])
            .unwrap();
        let (role_of, user) = (format!("--clusterrole={role}"), format!("--user={user}"));
        stage
            .kubectl(&["create", "clusterrolebinding", &role, &role_of, &user])
            .unwrap();
    }
    stage
});

/// There is one set of policies: the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// The cluster with the policies of this mode in force, and a leased namespace.
fn with_mode(mode: &str, namespace: &str) -> (&'static Stage, MutexGuard<'static, ()>) {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let stage = &*STAGE;
    stage.apply(&[&format!("deploy/policies/{mode}.yaml")]);
    stage.run(async {
        stage.make_namespace(namespace, true).await;
        let client = stage.client();
        let expected = |pod: &Pod| {
            let spec = pod.spec.as_ref().unwrap();
            let containers = json!(spec.containers).to_string();
            let own = spec.scheduler_name.as_deref() == Some("leasehold-scheduler");
            let mark = containers.contains("leasehold.dev/lease");
            gates(pod).contains(&GATE)
                && own == (mode == "own-scheduler")
                && mark == (mode == "mark")
        };
        eventually("the policies are in force", async || {
            let pod_there = try_pod(&client, namespace, &pod("probe", "1")).await;
            let mut bound = pod("probe", "1");
            bound["spec"]["nodeName"] = json!("n-1");
            let refused = try_pod(&client, namespace, &bound).await.is_err();
            (refused && pod_there.is_ok_and(|pod| expected(&pod))).then_some(())
        })
        .await;
    });
    (stage, turn)
}

async fn client_of(access: &Access) -> Client {
    access.client().await.unwrap()
}

#[test]
fn default_scheduler_adds_the_gate_and_nothing_else() {
    let (stage, _turn) = with_mode("default-scheduler", "plain");
    stage.run(async {
        let client = stage.client();
        let mut asked = pod("a", "1");
        asked["spec"]["schedulingGates"] = json!([{"name": "other.example/gate"}]);
        let made = create_pod(&client, "plain", &asked).await.unwrap();
        assert_eq!(gates(&made), ["other.example/gate", GATE]);
        let spec = made.spec.unwrap();
        assert_eq!(spec.scheduler_name.as_deref(), Some("default-scheduler"));
        assert_eq!(
            json!(spec.containers[0].resources),
            json!({"requests": {"cpu": "1"}})
        );
    });
}

#[test]
fn own_scheduler_adds_the_scheduler_and_the_toleration() {
    let (stage, _turn) = with_mode("own-scheduler", "own");
    stage.run(async {
        let client = stage.client();
        let made = create_pod(&client, "own", &pod("a", "1")).await.unwrap();
        assert_eq!(gates(&made), [GATE]);
        let spec = made.spec.unwrap();
        assert_eq!(spec.scheduler_name.as_deref(), Some("leasehold-scheduler"));
        let tolerations = json!(spec.tolerations);
        let ours =
            json!({"key": "leasehold.dev/pool", "operator": "Exists", "effect": "NoSchedule"});
        let count = tolerations
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| **one == ours)
            .count();
        assert_eq!(count, 1, "{tolerations}");
    });
}

#[test]
fn mark_adds_the_mark_to_the_first_container_unless_another_has_it() {
    let (stage, _turn) = with_mode("mark", "marked");
    stage.run(async {
        let client = stage.client();
        let mut asked = pod("a", "1");
        let second = json!({"name": "d", "image": "none"});
        asked["spec"]["containers"].as_array_mut().unwrap().push(second);
        let made = create_pod(&client, "marked", &asked).await.unwrap();
        assert_eq!(gates(&made), [GATE]);
        let containers = made.spec.unwrap().containers;
        assert_eq!(
            json!(containers[0].resources),
            json!({"requests": {"cpu": "1", "leasehold.dev/lease": "1"}, "limits": {"leasehold.dev/lease": "1"}})
        );
        assert_eq!(json!(containers[1].resources), json!({}));

        asked["metadata"]["name"] = json!("b");
        asked["spec"]["containers"][1]["resources"] = json!({"limits": {"leasehold.dev/lease": "1"}});
        let made = create_pod(&client, "marked", &asked).await.unwrap();
        let containers = made.spec.unwrap().containers;
        assert_eq!(json!(containers[0].resources), json!({"requests": {"cpu": "1"}}));
    });
}

#[test]
fn in_every_mode_a_pod_that_names_its_node_is_refused() {
    for mode in ["default-scheduler", "own-scheduler", "mark"] {
        let namespace = format!("bound-{mode}");
        let (stage, _turn) = with_mode(mode, &namespace);
        let mut bound = pod("a", "1");
        bound["spec"]["nodeName"] = json!("n-1");
        let refused = refusal(stage.run(create_pod(&stage.client(), &namespace, &bound)));
        assert!(refused.contains("spec.nodeName is n-1"), "{refused}");
    }
}

#[test]
fn a_node_may_make_its_own_pods_but_no_others() {
    let (stage, _turn) = with_mode("default-scheduler", "mirrored");
    stage.run(async {
        let node = client_of(stage.cluster.user("system:node:n-1").unwrap()).await;
        let mut mirror = pod("static-n-1", "1");
        mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "any"});
        mirror["spec"]["nodeName"] = json!("n-1");
        let made = create_pod(&node, "mirrored", &mirror).await.unwrap();
        assert!(gates(&made).is_empty());
        mirror["metadata"]["name"] = json!("static-n-2");
        mirror["spec"]["nodeName"] = json!("n-2");
        refusal(create_pod(&node, "mirrored", &mirror).await);
    });
}

#[test]
fn without_the_adding_policy_a_pod_is_refused() {
    let (stage, _turn) = with_mode("default-scheduler", "ungated");
    let policy = ["mutatingadmissionpolicy", "leasehold-pods"];
    stage.kubectl(&[&["delete"], &policy[..]].concat()).unwrap();
    stage.run(async {
        let client = stage.client();
        let refused = eventually("the adding policy is out of force", async || {
            try_pod(&client, "ungated", &pod("a", "1")).await.err()
        })
        .await;
        let refused = refusal::<()>(Err(refused));
        assert!(
            refused.contains("need the scheduling gate leasehold.dev/admission"),
            "{refused}"
        );
    });
}

#[test]
fn the_gate_is_removed_by_the_controller_alone() {
    let (stage, _turn) = with_mode("default-scheduler", "gated");
    stage.run(async {
        let client = stage.client();
        create_pod(&client, "gated", &pod("a", "1")).await.unwrap();
        // Even the cluster's administrator.
        let refused = refusal(remove_gates(&client, "gated", "a").await);
        assert!(
            refused.contains("removed by quota-controller alone"),
            "{refused}"
        );
        let controller = stage
            .cluster
            .service_account("leasehold-system", "quota-controller")
            .await
            .unwrap();
        let admitted = remove_gates(&client_of(&controller).await, "gated", "a").await;
        assert!(gates(&admitted.unwrap()).is_empty());
    });
}

#[test]
fn a_gated_pod_is_not_bound_by_hand() {
    let (stage, _turn) = with_mode("default-scheduler", "by-hand");
    stage
        .run(create_pod(&stage.client(), "by-hand", &pod("a", "1")))
        .unwrap();
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": "a"},
        "target": {"kind": "Node", "name": "n-1"},
    });
    let path = "/api/v1/namespaces/by-hand/pods/a/binding";
    let refused = stage.kubectl_with(&["create", "--raw", path, "-f", "-"], &binding.to_string());
    assert!(
        refused
            .unwrap_err()
            .contains("non-empty .spec.schedulingGates")
    );
}

#[test]
fn what_a_decision_rests_on_does_not_change() {
    let (stage, _turn) = with_mode("default-scheduler", "fixed");
    stage.run(async {
        let client = stage.client();
        let mut asked = pod("a", "1");
        asked["metadata"]["labels"] = json!({"leasehold.dev/pool": "general"});
        create_pod(&client, "fixed", &asked).await.unwrap();
        let patches = [
            json!({"metadata": {"labels": {"leasehold.dev/pool": "gpu"}}}),
            json!({"metadata": {"labels": {"leasehold.dev/pool": null}}}),
            json!({"metadata": {"labels": {"leasehold.dev/group": "g"}}}),
            json!({"metadata": {"annotations": {"leasehold.dev/group-min": "1"}}}),
            json!({"metadata": {"annotations": {"leasehold.dev/epoch": "7"}}}),
            json!({"spec": {"nodeSelector": {"leasehold.dev/pool": "gpu"}}}),
        ];
        let api: Api<Pod> = Api::namespaced(client.clone(), "fixed");
        for patch in patches {
            let refused = refusal(merge_pod(&client, "fixed", "a", patch.clone()).await);
            assert!(refused.contains("cannot change"), "{patch}: {refused}");
            if patch.get("metadata").is_some() {
                // The status' door leads to the labels too.
                let params = PatchParams::default();
                let answer = api.patch_status("a", &params, &Patch::Merge(&patch)).await;
                assert!(refusal(answer).contains("cannot change"), "{patch}");
            }
        }
        let resize = json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}]}});
        let params = PatchParams::default();
        let answer = api.patch_resize("a", &params, &Patch::Strategic(resize)).await;
        let refused = refusal(answer);
        assert!(refused.contains("cannot be resized while it waits"), "{refused}");
        // What is not ours is free.
        merge_pod(&client, "fixed", "a", json!({"metadata": {"labels": {"team": "x"}}}))
            .await
            .unwrap();
    });
}

#[test]
fn a_pod_is_not_made_with_what_only_the_controller_writes() {
    let (stage, _turn) = with_mode("default-scheduler", "forged");
    let mut forged = pod("a", "1");
    forged["metadata"]["annotations"] = json!({"leasehold.dev/epoch": "1"});
    let refused = refusal(stage.run(create_pod(&stage.client(), "forged", &forged)));
    assert!(refused.contains("they are quota-controller's"), "{refused}");
}

#[test]
fn the_namespaces_label_is_removed_by_pool_admins_alone() {
    let (stage, _turn) = with_mode("default-scheduler", "labelled");
    stage.run(async {
        let bob = client_of(stage.cluster.user("bob").unwrap()).await;
        let api: Api<Namespace> = Api::all(bob);
        let patch = json!({"metadata": {"labels": {"leasehold.dev/leased": null}}});
        let params = PatchParams::default();
        let refused = refusal(api.patch("labelled", &params, &Patch::Merge(&patch)).await);
        assert!(
            refused.contains("who may update capacitypools"),
            "{refused}"
        );
        refusal(
            api.patch_status("labelled", &params, &Patch::Merge(&patch))
                .await,
        );
        // Other labels are his.
        let other = json!({"metadata": {"labels": {"team": "x"}}});
        api.patch("labelled", &params, &Patch::Merge(&other))
            .await
            .unwrap();
        let pools = [
            "create",
            "clusterrolebinding",
            "bob-pools",
            "--clusterrole=leasehold-pool-admin",
            "--user=bob",
        ];
        stage.kubectl(&pools).unwrap();
        eventually("the right has come into force", async || {
            api.patch("labelled", &params, &Patch::Merge(&patch))
                .await
                .ok()
        })
        .await;
        stage
            .kubectl(&["delete", "clusterrolebinding", "bob-pools"])
            .unwrap();
    });
}

#[test]
fn outside_leased_namespaces_nothing_is_added_or_refused() {
    let (stage, _turn) = with_mode("mark", "leased-beside");
    stage.run(async {
        let client = stage.client();
        stage.make_namespace("free", false).await;
        let mut bound = pod("a", "1");
        bound["spec"]["nodeName"] = json!("n-1");
        let made = create_pod(&client, "free", &bound).await.unwrap();
        assert!(gates(&made).is_empty());
    });
}

/// What is stored says exactly what was applied: the API server fills nothing in. The controller compares so.
#[test]
fn every_default_is_written_out() {
    for mode in ["default-scheduler", "own-scheduler", "mark"] {
        let (stage, _turn) = with_mode(mode, &format!("stored-{mode}"));
        let text =
            std::fs::read_to_string(root().join(format!("deploy/policies/{mode}.yaml"))).unwrap();
        for document in text.split("\n---\n").skip(1) {
            let applied = as_json(stage, document);
            let name = applied["metadata"]["name"].as_str().unwrap();
            let kind = applied["kind"].as_str().unwrap();
            let stored = stage.run(async {
                let client = stage.client();
                match kind {
                    "MutatingAdmissionPolicy" => {
                        spec::<MutatingAdmissionPolicy>(client, name).await
                    }
                    "MutatingAdmissionPolicyBinding" => {
                        spec::<MutatingAdmissionPolicyBinding>(client, name).await
                    }
                    "ValidatingAdmissionPolicy" => {
                        spec::<ValidatingAdmissionPolicy>(client, name).await
                    }
                    _ => spec::<ValidatingAdmissionPolicyBinding>(client, name).await,
                }
            });
            assert_eq!(stored, applied["spec"], "{kind} {name}");
        }
    }
}

async fn spec<K>(client: Client, name: &str) -> Value
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + for<'de> Deserialize<'de>,
{
    let found = Api::<K>::all(client).get(name).await.unwrap();
    json!(found)["spec"].clone()
}

/// YAML read by kubectl, without a server's word.
fn as_json(stage: &Stage, yaml: &str) -> Value {
    let arguments = ["create", "--dry-run=client", "-o", "json", "-f", "-"];
    serde_json::from_str(&stage.kubectl_with(&arguments, yaml).unwrap()).unwrap()
}

#[test]
fn the_second_schedulers_manifests_are_taken_as_they_are() {
    let stage = &*STAGE;
    let arguments = ["apply", "--dry-run=server", "--validate=strict", "-f"];
    let taken = stage.kubectl(&[&arguments[..], &["deploy/scheduler/own-scheduler.yaml"]].concat());
    assert_eq!(taken.unwrap().lines().count(), 8);
}

/// kube-scheduler reads each configuration, certificates and all, and writes what it understood.
#[test]
fn kube_scheduler_understands_its_configuration_in_each_mode() {
    let stage = &*STAGE;
    let certificate = stage.cluster.certificate("scheduler").unwrap();
    for mode in ["default-scheduler", "mark", "own-scheduler"] {
        let path = root().join(format!("deploy/scheduler/{mode}.yaml"));
        let mut text = std::fs::read_to_string(path).unwrap();
        if mode == "own-scheduler" {
            let all = stage.kubectl(&[
                "create",
                "--dry-run=client",
                "-o",
                "json",
                "-f",
                "deploy/scheduler/own-scheduler.yaml",
            ]);
            let all = all.unwrap();
            let objects = serde_json::Deserializer::from_str(&all).into_iter::<Value>();
            let objects: Vec<Value> = objects.map(Result::unwrap).collect();
            let data = objects
                .iter()
                .find_map(|object| object["data"]["config.yaml"].as_str());
            text = data.unwrap().to_owned();
            let client = "clientConnection:\n  kubeconfig: /etc/kubernetes/scheduler.conf\n";
            text = text.replacen("leaderElection:", &format!("{client}leaderElection:"), 1);
        }
        let kubeconfig = stage
            .cluster
            .administrator()
            .kubeconfig
            .display()
            .to_string();
        let text = text
            .replace("EXTENDER_ADDRESS", "127.0.0.1:10261")
            .replace("/etc/kubernetes/scheduler.conf", &kubeconfig);
        let files = [
            ("ca.crt", stage.cluster.authority()),
            ("tls.crt", certificate.certificate.clone()),
            ("tls.key", certificate.key.clone()),
        ];
        let text = files.iter().fold(text, |text, (name, file)| {
            ["/etc/kubernetes/leasehold", "/etc/leasehold/tls"]
                .iter()
                .fold(text, |text, folder| {
                    text.replace(&format!("{folder}/{name}"), &file.display().to_string())
                })
        });
        let config = stage
            .cluster
            .folder()
            .join(format!("scheduler-{mode}.yaml"));
        let understood = stage
            .cluster
            .folder()
            .join(format!("understood-{mode}.yaml"));
        std::fs::write(&config, text).unwrap();
        let run = std::process::Command::new(&stage.cluster.programs().kube_scheduler)
            .arg("--config")
            .arg(&config)
            .arg("--write-config-to")
            .arg(&understood)
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{mode}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        let understood = std::fs::read_to_string(&understood).unwrap();
        assert!(
            understood.contains("nodeCacheCapable: true"),
            "{understood}"
        );
        let is_ignorable = understood.contains("ignorable: true");
        assert_eq!(is_ignorable, mode == "default-scheduler", "{understood}");
        let has_mark = understood.contains("name: leasehold.dev/lease");
        assert_eq!(has_mark, mode == "mark", "{understood}");
    }
}
