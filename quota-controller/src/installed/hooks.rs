//! The webhooks as the API server has to know them, every default written out.

use crate::policies::Installation;
use api::names;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MutatingWebhook, MutatingWebhookConfiguration, RuleWithOperations,
    ServiceReference, ValidatingWebhook, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, LabelSelectorRequirement, ObjectMeta,
};
use serde_json::json;
use std::collections::BTreeMap;

/// Name of the configuration of the validating webhooks.
const VALIDATING: &str = "leasehold";

/// Name of the mutating one, on servers without MutatingAdmissionPolicy.
const MUTATING: &str = "leasehold-pods";

/// The API server waits so long, in seconds. An answer takes milliseconds; a change of leaders, seconds.
pub const TIMEOUT_S: i32 = 10;

/// Where the API server finds the webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The installation's Service, at this port.
    Service {
        /// The Service's port.
        port: u16,
    },
    /// An address, for API servers that reach no Services: `https://host:port`.
    Url(String),
}

impl Endpoint {
    fn client(&self, installation: &Installation, path: &str, bundle: &str) -> WebhookClientConfig {
        let bundle = (!bundle.is_empty()).then(|| ByteString(bundle.as_bytes().into()));
        match self {
            Endpoint::Service { port } => WebhookClientConfig {
                ca_bundle: bundle,
                service: Some(ServiceReference {
                    name: names::CONTROLLER.into(),
                    namespace: installation.namespace.clone(),
                    path: Some(path.into()),
                    port: Some(i32::from(*port)),
                }),
                url: None,
            },
            Endpoint::Url(url) => WebhookClientConfig {
                ca_bundle: bundle,
                service: None,
                url: Some(format!("{}{path}", url.trim_end_matches('/'))),
            },
        }
    }
}

/// Leases, pools, and the resizing of pods.
///
/// All fail closed: without an answer nothing is leased, and no running pod grows. Reading, running and ending
/// need none of it.
pub fn resize_and_validate(
    installation: &Installation,
    endpoint: &Endpoint,
    bundle: &str,
) -> ValidatingWebhookConfiguration {
    let of_ours = |resource: &str| {
        rule(
            "leasehold.dev",
            "v1alpha1",
            &["CREATE", "UPDATE", "DELETE"],
            resource,
        )
    };
    let hook = |name: &str, path: &str, rule: RuleWithOperations, namespaces: LabelSelector| {
        ValidatingWebhook {
            admission_review_versions: vec!["v1".into()],
            client_config: endpoint.client(installation, path, bundle),
            failure_policy: Some("Fail".into()),
            match_conditions: None,
            match_policy: Some("Equivalent".into()),
            name: format!("{name}.leasehold.dev"),
            namespace_selector: Some(namespaces),
            object_selector: Some(LabelSelector::default()),
            rules: Some(vec![rule]),
            // An accepted lease is remembered until it is seen, and growth is charged: not in a dry run.
            side_effects: "NoneOnDryRun".into(),
            timeout_seconds: Some(TIMEOUT_S),
        }
    };
    ValidatingWebhookConfiguration {
        metadata: metadata(VALIDATING),
        webhooks: Some(vec![
            hook(
                "leases",
                "/validate/leases",
                of_ours("capacityleases"),
                LabelSelector::default(),
            ),
            hook(
                "pools",
                "/validate/pools",
                of_ours("capacitypools"),
                LabelSelector::default(),
            ),
            hook(
                "resize",
                "/validate/resize",
                rule("", "v1", &["UPDATE"], "pods/resize"),
                leased(),
            ),
        ]),
    }
}

/// What the mutating policy does, for servers that have none.
pub fn without_policies(
    installation: &Installation,
    endpoint: &Endpoint,
    bundle: &str,
) -> MutatingWebhookConfiguration {
    MutatingWebhookConfiguration {
        metadata: metadata(MUTATING),
        webhooks: Some(vec![MutatingWebhook {
            admission_review_versions: vec!["v1".into()],
            client_config: endpoint.client(installation, "/mutate/pods", bundle),
            failure_policy: Some("Fail".into()),
            match_conditions: Some(vec![MatchCondition {
                name: "names-no-node".into(),
                expression: "!has(object.spec.nodeName) || object.spec.nodeName == \"\"".into(),
            }]),
            match_policy: Some("Equivalent".into()),
            name: "pods.leasehold.dev".into(),
            namespace_selector: Some(leased()),
            object_selector: Some(LabelSelector::default()),
            reinvocation_policy: Some("IfNeeded".into()),
            rules: Some(vec![rule("", "v1", &["CREATE"], "pods")]),
            side_effects: "None".into(),
            timeout_seconds: Some(TIMEOUT_S),
        }]),
    }
}

/// The file `deploy/policies/webhooks.yaml`.
pub fn render(installation: &Installation) -> String {
    let endpoint = Endpoint::Service { port: 443 };
    let mut file = String::from(
        "# Generated from quota-controller/src/installed by `cargo run -p leasehold-quota-controller --bin \
         generate-policies`.\n# To be read, not applied: the controller installs these with the certificate that it \
         makes (caBundle), and the\n# second only where the API server has no MutatingAdmissionPolicy.\n",
    );
    let validating = resize_and_validate(installation, &endpoint, "");
    let mutating = without_policies(installation, &endpoint, "");
    for object in [json!(validating), json!(mutating)] {
        file.push_str("---\n");
        file.push_str(&api::to_yaml(&object));
    }
    file
}

fn metadata(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        labels: Some(BTreeMap::from([(
            names::LABEL_PART_OF.into(),
            names::PART_OF.into(),
        )])),
        ..ObjectMeta::default()
    }
}

fn rule(group: &str, version: &str, operations: &[&str], resource: &str) -> RuleWithOperations {
    RuleWithOperations {
        api_groups: Some(vec![group.into()]),
        api_versions: Some(vec![version.into()]),
        operations: Some(
            operations
                .iter()
                .map(|&operation| operation.into())
                .collect(),
        ),
        resources: Some(vec![resource.into()]),
        scope: Some("*".into()),
    }
}

fn leased() -> LabelSelector {
    LabelSelector {
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: names::LABEL_LEASED.into(),
            operator: "Exists".into(),
            values: None,
        }]),
        match_labels: None,
    }
}
