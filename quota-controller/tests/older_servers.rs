//! An API server that cannot add the gate by itself: the controller sees that, and does it by a webhook.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod support;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::api::Api;
use serde_json::json;
use support::*;
use testbed::Options;

#[test]
fn the_webhook_does_what_the_policy_would_and_fails_closed() {
    let stage = Stage::start(Options {
        schedulers: Vec::new(),
        api_server_arguments: vec![
            "--runtime-config=admissionregistration.k8s.io/v1/mutatingadmissionpolicies=false,\
             admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings=false"
                .into(),
            "--disable-admission-plugins=ServiceAccount,MutatingAdmissionPolicy".into(),
        ],
        ..Options::default()
    });
    stage.apply(&["deploy/crds", "deploy/install"]);
    stage.run(async {
        let client = stage.client();
        let account = stage
            .cluster
            .service_account("leasehold-system", "quota-controller");
        let access = account.await.unwrap();
        let port = free_port();
        let arguments = [
            "--mode=mark".to_owned(),
            format!("--webhook-url=https://127.0.0.1:{port}"),
        ];
        let replica = Replica::start(&stage, "only", &access.kubeconfig, Some(port), &arguments);
        let hooks: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
        eventually("the webhook is installed", async || {
            hooks.get_opt("leasehold-pods").await.unwrap()
        })
        .await;
        stage.make_namespace("older", true).await;
        let made = eventually("a pod is taken", async || {
            create_pod(&client, "older", &pod("a", "1")).await.ok()
        })
        .await;
        assert_eq!(gates(&made), ["leasehold.dev/admission"]);
        let containers = made.spec.unwrap().containers;
        assert_eq!(
            json!(containers[0].resources),
            json!({"requests": {"cpu": "1", "leasehold.dev/lease": "1"}, "limits": {"leasehold.dev/lease": "1"}})
        );
        let mut bound = pod("b", "1");
        bound["spec"]["nodeName"] = json!("n-1");
        let refused = eventually("the refusing policy is in force", async || {
            try_pod(&client, "older", &bound).await.err()
        })
        .await;
        let refused = refusal::<()>(Err(refused));
        assert!(refused.contains("spec.nodeName is n-1"), "{refused}");

        replica.kill();
        let refused = refusal(create_pod(&client, "older", &pod("c", "1")).await);
        assert!(refused.contains("failed calling webhook"), "{refused}");
        stage.make_namespace("not-leased", false).await;
        create_pod(&client, "not-leased", &pod("c", "1")).await.unwrap();
    });
}
