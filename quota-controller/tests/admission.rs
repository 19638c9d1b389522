//! Admission as it is installed: two replicas under their service account, one leads, and the API server asks the
//! other one, so that every review is handed on. Their certificates last seconds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod support;

use api::{CapacityLease, CapacityPool};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex};
use support::*;
use testbed::{Access, NodeGroup, Options, User};

struct Installed {
    stage: Stage,
    /// The first led at the start; the API server asks the second.
    replicas: Mutex<Vec<Replica>>,
    access: Access,
    arguments: Vec<String>,
}

/// Short times, so that all of it happens within a test. A change of leaders takes less than a review may.
const TIMES: [&str; 6] = [
    "--lease-duration=4",
    "--renew-deadline=3",
    "--retry-period=500",
    "--certificate-lifetime=15",
    "--authority-spread=10",
    "--authority-lifetime=75",
];

static INSTALLED: LazyLock<Installed> = LazyLock::new(|| {
    let stage = Stage::start(Options {
        nodes: vec![NodeGroup::new("node", 3)],
        users: vec![User::new("lena", ["retail"])],
        ..Options::default()
    });
    stage.apply(&["deploy/crds", "deploy/install"]);
    // As an installation leaves it whose API server was older before.
    let left = "
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: leasehold-pods}
webhooks: []";
    stage.kubectl_with(&["apply", "-f", "-"], left).unwrap();
    let (replicas, access, arguments) = stage.run(async {
        let access = stage
            .cluster
            .service_account("leasehold-system", "quota-controller")
            .await
            .unwrap();
        let second_port = free_port();
        let mut arguments: Vec<String> = TIMES.map(String::from).into();
        arguments.push(format!("--webhook-url=https://127.0.0.1:{second_port}"));
        let leader = Replica::start(&stage, "first", &access.kubeconfig, None, &arguments);
        let leases: Api<Lease> = Api::namespaced(stage.client(), "leasehold-system");
        eventually("the first replica leads", async || {
            let lease = leases.get_opt("quota-controller").await.unwrap()?;
            lease.spec?.holder_identity
        })
        .await;
        let follower = Replica::start(
            &stage,
            "second",
            &access.kubeconfig,
            Some(second_port),
            &arguments,
        );
        (vec![leader, follower], access, arguments)
    });
    let pools = "
apiVersion: leasehold.dev/v1alpha1
kind: CapacityPool
metadata: {name: general}
spec: {resources: [cpu], rootNamespace: enterprise, capacity: {cpu: '1000'}}";
    stage.run(eventually("a pool is taken", async || {
        stage.kubectl_with(&["apply", "-f", "-"], pools).ok()
    }));
    Installed {
        stage,
        replicas: Mutex::new(replicas),
        access,
        arguments,
    }
});

fn stage() -> &'static Stage {
    &INSTALLED.stage
}

/// A pool of its own for a test, with `cpu` CPUs and the root `NAME-root`.
async fn make_pool(name: &str, cpu: &str) -> String {
    let root = format!("{name}-root");
    stage().make_namespace(&root, false).await;
    let pool = json!({
        "metadata": {"name": name},
        "spec": {"resources": ["cpu"], "rootNamespace": root, "capacity": {"cpu": cpu},
                 "nodeSelector": {"matchLabels": {"test": name}}},
    });
    let pool: CapacityPool = serde_json::from_value(pool).unwrap();
    let api: Api<CapacityPool> = Api::all(stage().client());
    api.create(&PostParams::default(), &pool).await.unwrap();
    root
}

fn lease(pool: &str, lessee: &str, cpu: &str) -> CapacityLease {
    let lease = json!({
        "metadata": {"name": lessee},
        "spec": {"pool": pool, "lessee": lessee, "guaranteed": {"cpu": cpu}},
    });
    serde_json::from_value(lease).unwrap()
}

async fn grant(client: &Client, lessor: &str, lease: CapacityLease) -> kube::Result<CapacityLease> {
    let api: Api<CapacityLease> = Api::namespaced(client.clone(), lessor);
    api.create(&PostParams::default(), &lease).await
}

async fn has_label(namespace: &str) -> bool {
    let api: Api<Namespace> = Api::all(stage().client());
    let namespace = api.get(namespace).await.unwrap();
    namespace.labels().contains_key("leasehold.dev/leased")
}

#[test]
fn of_leases_created_at_the_same_moment_only_what_fits_is_stored() {
    stage().run(async {
        let root = make_pool("twins", "100").await;
        for round in 0..5 {
            let requests = (0..6).map(|number| {
                let client = stage().client();
                let lessee = format!("twin-{round}-{number}");
                let root = root.clone();
                tokio::spawn(
                    async move { grant(&client, &root, lease("twins", &lessee, "40")).await },
                )
            });
            let mut stored = Vec::new();
            for answer in futures::future::join_all(requests).await {
                match answer.unwrap() {
                    Ok(lease) => stored.push(lease.name_any()),
                    Err(error) => {
                        let refused = refusal::<()>(Err(error));
                        assert!(refused.contains("overcommits"), "{refused}");
                    }
                }
            }
            assert_eq!(stored.len(), 2, "of 100, two times 40: {stored:?}");
            let api: Api<CapacityLease> = Api::namespaced(stage().client(), &root);
            for name in stored {
                api.delete(&name, &DeleteParams::default()).await.unwrap();
            }
            // What a deleted lease held is free when the controller has seen it go.
            let mut all = lease("twins", "probe", "100");
            all.metadata.name = Some(format!("probe-{round}"));
            let params = PostParams {
                dry_run: true,
                ..PostParams::default()
            };
            eventually("all is free again", async || {
                api.create(&params, &all).await.ok()
            })
            .await;
        }
    });
}

#[test]
fn a_dry_run_takes_nothing() {
    stage().run(async {
        let root = make_pool("dry", "10").await;
        let api: Api<CapacityLease> = Api::namespaced(stage().client(), &root);
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        api.create(&params, &lease("dry", "dry-a", "10"))
            .await
            .unwrap();
        grant(&stage().client(), &root, lease("dry", "dry-b", "10"))
            .await
            .unwrap();
        let refused = refusal(api.create(&params, &lease("dry", "dry-a", "10")).await);
        assert!(refused.contains("10 missing"), "{refused}");
    });
}

#[test]
fn what_is_leased_on_is_neither_deleted_nor_made_smaller() {
    stage().run(async {
        let root = make_pool("kept", "100").await;
        let client = stage().client();
        stage().make_namespace("kept-lob", false).await;
        grant(&client, &root, lease("kept", "kept-lob", "60"))
            .await
            .unwrap();
        eventually("the lease counts", async || {
            grant(&client, "kept-lob", lease("kept", "kept-team", "40"))
                .await
                .ok()
        })
        .await;
        let api: Api<CapacityLease> = Api::namespaced(client.clone(), &root);
        let params = PatchParams::default();
        let smaller = |cpu: &str| Patch::Merge(json!({"spec": {"guaranteed": {"cpu": cpu}}}));
        let pools: Api<CapacityPool> = Api::all(client.clone());
        eventually("the sub-lease is seen", async || {
            let answer = api.patch("kept-lob", &params, &smaller("39")).await;
            let refused = answer.err().map(|error| refusal::<()>(Err(error)))?;
            assert!(
                refused.contains("40 leased out, 39 held, 1 missing"),
                "{refused}"
            );
            Some(())
        })
        .await;
        let refused = refusal(
            api.delete("kept-lob", &DeleteParams::default())
                .await
                .map(drop),
        );
        assert!(refused.contains("40 leased out, 0 held"), "{refused}");
        let capacity = Patch::Merge(json!({"spec": {"capacity": {"cpu": "50"}}}));
        let refused = refusal(pools.patch("kept", &params, &capacity).await);
        assert!(refused.contains("60 leased out, 50 held"), "{refused}");
        let refused = refusal(
            pools
                .delete("kept", &DeleteParams::default())
                .await
                .map(drop),
        );
        assert!(refused.contains("end its leases first"), "{refused}");
        api.patch("kept-lob", &params, &smaller("40"))
            .await
            .unwrap();
    });
}

#[test]
fn who_has_rights_in_one_namespace_divides_what_it_holds_and_nothing_else() {
    stage().run(async {
        let root = make_pool("retail-pool", "100").await;
        let (admin, lena) = (stage().client(), stage().cluster.user("lena").unwrap());
        let lena = lena.client().await.unwrap();
        for namespace in ["retail", "media"] {
            stage().make_namespace(namespace, false).await;
            grant(&admin, &root, lease("retail-pool", namespace, "50"))
                .await
                .unwrap();
        }
        let bind = [
            "-n",
            "retail",
            "create",
            "rolebinding",
            "lena",
            "--clusterrole=leasehold-lessor",
            "--user=lena",
        ];
        stage().kubectl(&bind).unwrap();
        eventually("she may, and the lease counts", async || {
            grant(&lena, "retail", lease("retail-pool", "shop", "50"))
                .await
                .ok()
        })
        .await;
        let refused = refusal(grant(&lena, "retail", lease("retail-pool", "more", "1")).await);
        assert!(refused.contains("retail in pool retail-pool"), "{refused}");
        assert!(
            refused.contains("51 leased out, 50 held, 1 missing"),
            "{refused}"
        );
        for elsewhere in [root.as_str(), "media"] {
            let refused = refusal(grant(&lena, elsewhere, lease("retail-pool", "hers", "1")).await);
            assert!(
                refused.contains("cannot create resource \"capacityleases\""),
                "{refused}"
            );
        }
        // Nor may she write what a new leader would believe.
        let api: Api<CapacityLease> = Api::namespaced(lena, "retail");
        let status = Patch::Merge(json!({"status": {"phase": "Active"}}));
        let refused = refusal(
            api.patch_status("shop", &PatchParams::default(), &status)
                .await,
        );
        assert!(refused.contains("capacityleases/status"), "{refused}");
    });
}

#[test]
fn a_lessees_namespace_is_labelled_with_its_first_lease_and_again_if_that_is_undone() {
    stage().run(async {
        let root = make_pool("labels", "10").await;
        let client = stage().client();
        stage().make_namespace("newcomer", false).await;
        grant(&client, &root, lease("labels", "newcomer", "1"))
            .await
            .unwrap();
        eventually("labelled", async || {
            has_label("newcomer").await.then_some(())
        })
        .await;
        let api: Api<Namespace> = Api::all(client.clone());
        let removed = Patch::Merge(json!({"metadata": {"labels": {"leasehold.dev/leased": null}}}));
        api.patch("newcomer", &PatchParams::default(), &removed)
            .await
            .unwrap();
        eventually("labelled again", async || {
            has_label("newcomer").await.then_some(())
        })
        .await;
        // Losing the lease gives no freedom.
        let leases: Api<CapacityLease> = Api::namespaced(client.clone(), &root);
        leases
            .delete("newcomer", &DeleteParams::default())
            .await
            .unwrap();
        eventually("the pod waits", async || {
            let made = create_pod(&client, "newcomer", &pod("late", "1"))
                .await
                .ok()?;
            gates(&made)
                .contains(&"leasehold.dev/admission")
                .then_some(())
        })
        .await;
        assert!(has_label("newcomer").await);
    });
}

/// A running pod in a namespace that holds 4 CPUs, with a status as a kubelet writes it that can resize.
async fn run_pod(namespace: &str, cpu: &str) -> Api<Pod> {
    let client = stage().client();
    create_pod(&client, namespace, &pod("web", cpu))
        .await
        .unwrap();
    let api: Api<Pod> = Api::namespaced(client, namespace);
    let running = eventually("the pod runs", async || {
        let pod = api.get("web").await.unwrap();
        let status = pod.status.clone()?;
        (status.phase.as_deref() == Some("Running")).then_some(status)
    })
    .await;
    let mut status = json!(running);
    status["containerStatuses"][0]["resources"] = json!({"requests": {"cpu": cpu}});
    let patch = Patch::Merge(json!({"status": status}));
    api.patch_status("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    api
}

#[test]
fn a_running_pod_grows_within_its_lease_only() {
    stage().run(async {
        let client = stage().client();
        stage().make_namespace("grows", false).await;
        let mut bounded = lease("general", "grows", "4");
        bounded.spec.limit = serde_json::from_value(json!({"cpu": "4"})).unwrap();
        for namespace in ["enterprise"] {
            stage().make_namespace(namespace, false).await;
        }
        grant(&client, "enterprise", bounded).await.unwrap();
        eventually("labelled", async || has_label("grows").await.then_some(())).await;
        let api = run_pod("grows", "2").await;
        let resize = async |cpu: &str| {
            let patch = json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}});
            api.patch_resize("web", &PatchParams::default(), &Patch::Strategic(patch)).await
        };
        let refused = refusal(resize("5").await);
        assert!(refused.contains("cpu: grows asks 3, grows has 2 left of limit 4"), "{refused}");
        resize("4").await.unwrap();
        // It is charged: nothing is left for another.
        create_pod(&client, "grows", &pod("second", "1")).await.unwrap();
        let refused = refusal(resize("4100m").await);
        assert!(refused.contains("grows has 0 left"), "{refused}");
        // Smaller is always allowed.
        resize("1").await.unwrap();
    });
}

#[test]
fn what_somebody_removes_or_weakens_is_put_back() {
    let stage = stage();
    let ours = [
        "validatingadmissionpolicy/leasehold-pods",
        "validatingadmissionpolicy/leasehold-namespaces",
        "validatingadmissionpolicybinding/leasehold-pods",
        "validatingadmissionpolicybinding/leasehold-namespaces",
        "mutatingadmissionpolicy/leasehold-pods",
        "mutatingadmissionpolicybinding/leasehold-pods",
        "validatingwebhookconfiguration/leasehold",
    ];
    for object in ours {
        let uid = ["get", object, "-o", "jsonpath={.metadata.uid}"];
        let before = stage.kubectl(&uid).unwrap();
        stage.kubectl(&["delete", object, "--wait=false"]).unwrap();
        stage.run(eventually(object, async || {
            stage
                .kubectl(&uid)
                .ok()
                .filter(|uid| !uid.is_empty() && *uid != before)
        }));
    }
    let never = r#"{"spec": {"matchConditions": [{"name": "never", "expression": "false"}]}}"#;
    let weakened = ["patch", ours[0], "--type=merge", "-p", never];
    stage.kubectl(&weakened).unwrap();
    stage.run(eventually("the condition is gone", async || {
        let conditions = ["get", ours[0], "-o", "jsonpath={.spec.matchConditions}"];
        stage.kubectl(&conditions).unwrap().is_empty().then_some(())
    }));
    let ignored = r#"[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]"#;
    stage
        .kubectl(&["patch", ours[6], "--type=json", "-p", ignored])
        .unwrap();
    stage.run(eventually("it fails closed again", async || {
        let policy = [
            "get",
            ours[6],
            "-o",
            "jsonpath={.webhooks[0].failurePolicy}",
        ];
        (stage.kubectl(&policy).unwrap() == "Fail").then_some(())
    }));
}

#[test]
fn the_webhook_for_older_servers_is_removed_where_policies_do_its_work() {
    let left = ["get", "mutatingwebhookconfigurations", "-o", "name"];
    stage().run(eventually("it is gone", async || {
        stage().kubectl(&left).unwrap().is_empty().then_some(())
    }));
}

/// The objects that the controller installs are those of the files in `deploy/`.
#[test]
fn what_is_installed_is_what_the_files_say() {
    stage().run(async {
        let client = stage().client();
        let text =
            std::fs::read_to_string(root().join("deploy/policies/default-scheduler.yaml")).unwrap();
        let names = |kind: &str| text.matches(&format!("\nkind: {kind}\n")).count();
        let params = Default::default();
        let found = [
            (
                "ValidatingAdmissionPolicy",
                Api::<ValidatingAdmissionPolicy>::all(client.clone())
                    .list(&params)
                    .await
                    .unwrap()
                    .items
                    .len(),
            ),
            (
                "ValidatingAdmissionPolicyBinding",
                Api::<ValidatingAdmissionPolicyBinding>::all(client.clone())
                    .list(&params)
                    .await
                    .unwrap()
                    .items
                    .len(),
            ),
            (
                "MutatingAdmissionPolicy",
                Api::<MutatingAdmissionPolicy>::all(client.clone())
                    .list(&params)
                    .await
                    .unwrap()
                    .items
                    .len(),
            ),
            (
                "MutatingAdmissionPolicyBinding",
                Api::<MutatingAdmissionPolicyBinding>::all(client.clone())
                    .list(&params)
                    .await
                    .unwrap()
                    .items
                    .len(),
            ),
        ];
        for (kind, count) in found {
            assert_eq!(count, names(kind), "{kind}");
        }
    });
}

async fn bundle_of_webhooks() -> String {
    let api: Api<ValidatingWebhookConfiguration> = Api::all(stage().client());
    let found = api.get_opt("leasehold").await.unwrap();
    let hooks = found.and_then(|found| found.webhooks).unwrap_or_default();
    let bundle = hooks
        .into_iter()
        .next()
        .and_then(|hook| hook.client_config.ca_bundle);
    bundle
        .map(|bundle| String::from_utf8(bundle.0).unwrap())
        .unwrap_or_default()
}

async fn secret_text(name: &str, key: &str) -> String {
    let api: Api<Secret> = Api::namespaced(stage().client(), "leasehold-system");
    let secret = api.get(name).await.unwrap();
    String::from_utf8(secret.data.unwrap().remove(key).unwrap().0).unwrap()
}

#[test]
fn certificates_and_their_authority_change_while_reviews_are_answered() {
    stage().run(async {
        let root = make_pool("rotating", "10").await;
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let api: Api<CapacityLease> = Api::namespaced(stage().client(), &root);
        let first = secret_text("quota-controller-tls", "tls.crt").await;
        let authority = secret_text("leasehold-authority", "ca.crt").await;
        // Until another authority has signed: it was spread first, and the old one is still trusted.
        let mut renewed = false;
        eventually("a new authority signs", async || {
            api.create(&params, &lease("rotating", "any", "1"))
                .await
                .unwrap();
            renewed |= secret_text("quota-controller-tls", "tls.crt").await != first;
            let authorities = secret_text("leasehold-authority", "authorities.json").await;
            let authorities: Value = serde_json::from_str(&authorities).unwrap();
            let newest = authorities.as_array()?.last()?["made"].as_i64()?;
            let made = secret_made("quota-controller-tls").await;
            (authority != secret_text("leasehold-authority", "ca.crt").await && made == newest)
                .then_some(())
        })
        .await;
        assert!(renewed);
        eventually("the API server was told", async || {
            (bundle_of_webhooks().await == secret_text("leasehold-authority", "ca.crt").await)
                .then_some(())
        })
        .await;
        api.create(&params, &lease("rotating", "any", "1"))
            .await
            .unwrap();
    });
}

#[test]
fn a_review_waits_for_the_next_leader() {
    let leader = INSTALLED.replicas.lock().unwrap().remove(0);
    stage().run(async {
        let root = make_pool("orphaned", "10").await;
        leader.kill();
        grant(&stage().client(), &root, lease("orphaned", "any", "1"))
            .await
            .unwrap();
    });
    let kubeconfig = &INSTALLED.access.kubeconfig;
    let next = Replica::start(stage(), "third", kubeconfig, None, &INSTALLED.arguments);
    INSTALLED.replicas.lock().unwrap().push(next);
}

/// When the authority that signed a certificate was made.
async fn secret_made(name: &str) -> i64 {
    let api: Api<Secret> = Api::namespaced(stage().client(), "leasehold-system");
    let secret = api.get(name).await.unwrap();
    let made: Value =
        serde_json::from_str(&secret.annotations()["leasehold.dev/certificate"]).unwrap();
    made["issuer_made"].as_i64().unwrap()
}

#[test]
fn the_api_server_finds_nothing_wrong_in_the_expressions() {
    stage().run(async {
        let api: Api<ValidatingAdmissionPolicy> = Api::all(stage().client());
        for name in ["leasehold-pods", "leasehold-namespaces"] {
            let checking = eventually("the controller manager has checked the types", async || {
                let policy = api.get_opt(name).await.unwrap()?;
                policy.status?.type_checking
            })
            .await;
            assert_eq!(checking.expression_warnings, None, "{name}");
        }
    });
}

/// Nothing that the programs do is forbidden to them.
#[test]
fn the_rights_in_deploy_suffice() {
    stage().run(async {
        let root = make_pool("rights", "10").await;
        stage().make_namespace("rights-lob", false).await;
        grant(&stage().client(), &root, lease("rights", "rights-lob", "1"))
            .await
            .unwrap();
        eventually("labelled", async || {
            has_label("rights-lob").await.then_some(())
        })
        .await;
    });
    for replica in INSTALLED.replicas.lock().unwrap().iter() {
        let log = replica.log_text();
        let forbidden: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("is forbidden"))
            .collect();
        assert!(forbidden.is_empty(), "{forbidden:#?}");
    }
}
