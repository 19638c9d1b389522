//! What the policies are made of; what they do is tried on a real API server.

use super::{Installation, Mode, policies, render};
use k8s_openapi::api::admissionregistration::v1::Mutation;

fn expression(mutation: &Mutation) -> &str {
    let merged = mutation.apply_configuration.as_ref();
    let patched = mutation.json_patch.as_ref();
    merged
        .and_then(|merged| merged.expression.as_deref())
        .or(patched.and_then(|patched| patched.expression.as_deref()))
        .unwrap()
}

#[test]
fn every_mode_adds_the_gate_first() {
    for mode in Mode::ALL {
        let policies = policies(&Installation::standard(mode));
        let spec = policies.adding.0.spec.unwrap();
        let mutations = spec.mutations.unwrap();
        assert_eq!(mutations[0].patch_type, "ApplyConfiguration");
        assert!(expression(&mutations[0]).contains(api::names::GATE));
    }
}

#[test]
fn no_patch_has_a_list_as_its_value() {
    for mode in Mode::ALL {
        let policies = policies(&Installation::standard(mode));
        for mutation in policies.adding.0.spec.unwrap().mutations.unwrap() {
            let is_patch = mutation.patch_type == "JSONPatch";
            assert!(!is_patch || !expression(&mutation).contains("value: ["));
        }
    }
}

#[test]
fn a_failing_policy_means_refused() {
    for mode in Mode::ALL {
        let policies = policies(&Installation::standard(mode));
        let spec = policies.adding.0.spec.unwrap();
        assert_eq!(spec.failure_policy.as_deref(), Some("Fail"));
        for (policy, binding) in policies.refusing {
            assert_eq!(policy.spec.unwrap().failure_policy.as_deref(), Some("Fail"));
            assert_eq!(binding.spec.validation_actions, ["Deny"]);
        }
    }
}

#[test]
fn names_in_the_expressions_are_those_of_the_api() {
    let text: String = Mode::ALL
        .map(|mode| render(&Installation::standard(mode)))
        .concat();
    for name in [
        api::names::GATE,
        api::names::LABEL_LEASED,
        api::names::RESOURCE_MARK,
        api::names::TAINT_POOL,
        api::names::OWN_SCHEDULER,
        "system:serviceaccount:leasehold-system:quota-controller",
    ] {
        assert!(text.contains(name), "{name} is nowhere");
    }
}

#[test]
fn an_installation_elsewhere_trusts_its_own_service_account_alone() {
    let elsewhere = Installation {
        namespace: "elsewhere".into(),
        ..Installation::standard(Mode::Mark)
    };
    let text = render(&elsewhere);
    assert!(text.contains("system:serviceaccount:elsewhere:quota-controller"));
    assert!(!text.contains("leasehold-system"));
}
