//! What each program of the control plane is started with.

use crate::certificate::CertificateFiles;
use std::path::Path;

/// `--name=value` of each.
fn flags<const N: usize>(flags: [(&str, String); N]) -> Vec<String> {
    flags
        .into_iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The store, which loses what it holds if the machine stops: it is faster so, and we throw it away anyway.
pub(crate) fn etcd(data: &Path, client_port: u16, peer_port: u16) -> Vec<String> {
    flags([
        ("data-dir", text(data)),
        ("listen-client-urls", local(client_port)),
        ("advertise-client-urls", local(client_port)),
        ("listen-peer-urls", local(peer_port)),
        ("initial-advertise-peer-urls", local(peer_port)),
        ("initial-cluster", format!("default={}", local(peer_port))),
        ("unsafe-no-fsync", "true".into()),
        ("quota-backend-bytes", (4_u64 << 30).to_string()),
        ("log-level", "warn".into()),
    ])
}

/// What the API server needs to know.
pub(crate) struct ApiServer<'a> {
    pub(crate) port: u16,
    pub(crate) etcd_port: u16,
    pub(crate) certificate_folder: &'a Path,
    pub(crate) authority: &'a Path,
    pub(crate) serving: &'a CertificateFiles,
    pub(crate) service_account: &'a CertificateFiles,
    pub(crate) tokens: &'a Path,
    pub(crate) flow_control: bool,
    pub(crate) further: &'a [String],
}

/// The API server, with the admission that a cluster usually has.
pub(crate) fn api_server(server: &ApiServer<'_>) -> Vec<String> {
    let service_account = server.service_account;
    let mut arguments = flags([
        ("etcd-servers", local(server.etcd_port)),
        ("bind-address", "127.0.0.1".into()),
        ("advertise-address", "127.0.0.1".into()),
        ("secure-port", server.port.to_string()),
        ("cert-dir", text(server.certificate_folder)),
        ("tls-cert-file", text(&server.serving.certificate)),
        ("tls-private-key-file", text(&server.serving.key)),
        ("client-ca-file", text(server.authority)),
        ("token-auth-file", text(server.tokens)),
        ("anonymous-auth", "false".into()),
        ("authorization-mode", "RBAC".into()),
        ("service-cluster-ip-range", "10.0.0.0/24".into()),
        (
            "service-account-issuer",
            "https://kubernetes.default.svc".into(),
        ),
        (
            "service-account-key-file",
            text(&service_account.certificate),
        ),
        (
            "service-account-signing-key-file",
            text(&service_account.key),
        ),
        // The other programs ask for these, to know who may read their metrics.
        ("requestheader-client-ca-file", text(server.authority)),
        ("requestheader-allowed-names", "front-proxy".into()),
        ("requestheader-username-headers", "X-Remote-User".into()),
        ("requestheader-group-headers", "X-Remote-Group".into()),
        (
            "requestheader-extra-headers-prefix",
            "X-Remote-Extra-".into(),
        ),
        ("endpoint-reconciler-type", "none".into()),
        // It would hold every pod until its namespace's service account is there.
        ("disable-admission-plugins", "ServiceAccount".into()),
    ]);
    if !server.flow_control {
        arguments.extend(flags([
            ("max-requests-inflight", "0".into()),
            ("max-mutating-requests-inflight", "0".into()),
            ("enable-priority-and-fairness", "false".into()),
        ]));
    }
    arguments.extend_from_slice(server.further);
    arguments
}

/// Those whose absence a user of workloads would notice. Without `node-lifecycle` no node ever becomes ready.
const CONTROLLERS: &[&str] = &[
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "disruption-controller",
    "garbage-collector-controller",
    "horizontal-pod-autoscaler-controller",
    "job-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "statefulset-controller",
    "taint-eviction-controller",
    "ttl-after-finished-controller",
    "validatingadmissionpolicy-status-controller",
];

/// The controllers, each under its own service account as in any cluster, so that admission sees who it really is.
pub(crate) fn controller_manager(
    port: u16,
    kubeconfig: &Path,
    authority: &Path,
    serving: &CertificateFiles,
    service_account: &CertificateFiles,
) -> Vec<String> {
    flags([
        ("bind-address", "127.0.0.1".into()),
        ("secure-port", port.to_string()),
        ("tls-cert-file", text(&serving.certificate)),
        ("tls-private-key-file", text(&serving.key)),
        ("kubeconfig", text(kubeconfig)),
        ("authentication-kubeconfig", text(kubeconfig)),
        ("authorization-kubeconfig", text(kubeconfig)),
        ("leader-elect", "false".into()),
        ("use-service-account-credentials", "true".into()),
        ("root-ca-file", text(authority)),
        (
            "service-account-private-key-file",
            text(&service_account.key),
        ),
        ("controllers", CONTROLLERS.join(",")),
        // The usual 20 and 30 would be what a load test measures.
        ("kube-api-qps", "2000".into()),
        ("kube-api-burst", "4000".into()),
        ("concurrent-job-syncs", "20".into()),
    ])
}

/// A scheduler.
pub(crate) fn scheduler(
    port: u16,
    configuration: &Path,
    kubeconfig: &Path,
    serving: &CertificateFiles,
) -> Vec<String> {
    flags([
        ("config", text(configuration)),
        ("bind-address", "127.0.0.1".into()),
        ("secure-port", port.to_string()),
        ("tls-cert-file", text(&serving.certificate)),
        ("tls-private-key-file", text(&serving.key)),
        ("authentication-kubeconfig", text(kubeconfig)),
        ("authorization-kubeconfig", text(kubeconfig)),
    ])
}

/// What plays the nodes.
pub(crate) fn kwok(port: u16, kubeconfig: &Path, stages: &Path) -> Vec<String> {
    flags([
        ("kubeconfig", text(kubeconfig)),
        ("config", text(stages)),
        ("manage-all-nodes", "true".into()),
        ("node-lease-duration-seconds", "40".into()),
        ("node-ip", "127.0.0.1".into()),
        ("cidr", "10.1.0.0/16".into()),
        ("server-address", format!("127.0.0.1:{port}")),
    ])
}
