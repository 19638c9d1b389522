//! What is compared, and what the webhooks say.

use super::wanted::says;
use super::{Endpoint, resize_and_validate, without_policies};
use crate::policies::{Installation, Mode, policies};
use k8s_openapi::api::admissionregistration::v1::MatchCondition;

fn installation() -> Installation {
    Installation::standard(Mode::DefaultScheduler)
}

#[test]
fn what_the_api_server_adds_to_an_object_is_no_change() {
    let (wanted, _) = policies(&installation()).refusing.remove(0);
    let mut found = wanted.clone();
    found.metadata.resource_version = Some("7".into());
    found.metadata.managed_fields = Some(Vec::new());
    found.status = Some(Default::default());
    assert_eq!(says(&found), says(&wanted));
}

#[test]
fn a_condition_that_somebody_added_is_a_change() {
    let (wanted, _) = policies(&installation()).refusing.remove(0);
    let mut found = wanted.clone();
    found.spec.as_mut().unwrap().match_conditions = Some(vec![MatchCondition {
        name: "never".into(),
        expression: "false".into(),
    }]);
    assert_ne!(says(&found), says(&wanted));
}

#[test]
fn a_webhook_without_its_service_fails_closed() {
    let endpoint = Endpoint::Service { port: 443 };
    let validating = resize_and_validate(&installation(), &endpoint, "PEM");
    for hook in validating.webhooks.unwrap() {
        assert_eq!(
            hook.failure_policy.as_deref(),
            Some("Fail"),
            "{}",
            hook.name
        );
        assert!(hook.client_config.ca_bundle.is_some(), "{}", hook.name);
    }
    let mutating = without_policies(&installation(), &endpoint, "PEM");
    for hook in mutating.webhooks.unwrap() {
        assert_eq!(
            hook.failure_policy.as_deref(),
            Some("Fail"),
            "{}",
            hook.name
        );
    }
}

#[test]
fn webhooks_on_pods_see_leased_namespaces_only() {
    let endpoint = Endpoint::Url("https://127.0.0.1:9443/".into());
    let validating = resize_and_validate(&installation(), &endpoint, "PEM");
    let resize = validating.webhooks.unwrap().pop().unwrap();
    let expressions = resize
        .namespace_selector
        .unwrap()
        .match_expressions
        .unwrap();
    assert_eq!(expressions[0].key, api::names::LABEL_LEASED);
    let url = resize.client_config.url.unwrap();
    assert_eq!(url, "https://127.0.0.1:9443/validate/resize");
}
