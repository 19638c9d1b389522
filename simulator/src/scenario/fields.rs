//! The fields of a scenario file: the one list that the reader and a test of the manual share.

/// The fields of one kind of mapping.
#[derive(Debug)]
pub struct Table {
    /// Its path in the file, as the manual's headings have it.
    pub path: &'static str,
    /// Its fields.
    pub fields: &'static [&'static str],
}

macro_rules! tables {
    ($($name:ident $path:literal [$($field:literal)*])*) => {
        $(
            #[doc = concat!("`", $path, "`")]
            pub const $name: Table = Table { path: $path, fields: &[$($field),*] };
        )*
        /// All of them, in the order of the manual.
        pub const ALL: &[&Table] = &[$(&$name),*];
    };
}

tables! {
    SCENARIO "scenario" ["apiVersion" "kind" "metadata" "spec"]
    METADATA "metadata" ["name"]
    SPEC "spec" ["start" "duration" "seed" "cluster" "objects" "manifests" "workloads" "events" "policy"]
    CLUSTER "spec.cluster" ["nodes" "podStartup" "podTermination" "placement"]
    NODES "spec.cluster.nodes[]" ["name" "count" "labels" "taints" "allocatable" "background" "from"]
    TAINT "spec.cluster.nodes[].taints[]" ["key" "value" "effect"]
    WORKLOAD "spec.workloads[]" ["job" "service" "trace"]
    JOB "spec.workloads[].job" [
        "namespace" "name" "at" "priority" "request" "replicas" "nodeSelector" "tolerations" "duration" "work"
        "until" "elastic" "gang" "checkpoint" "restartPenalty" "efficiency" "count" "every"
    ]
    ELASTIC "spec.workloads[].job.elastic" ["min" "max" "step" "cooldown"]
    TOLERATION "spec.workloads[].job.tolerations[]" ["key" "operator" "value" "effect"]
    SERVICE "spec.workloads[].service" [
        "namespace" "name" "priority" "request" "nodeSelector" "tolerations" "replicas" "replicasFrom"
    ]
    STEP "spec.workloads[].service.replicas[]" ["at" "count"]
    SERIES "spec.workloads[].service.replicasFrom" [
        "trace" "format" "requestsPerReplica" "interval" "min" "max" "speedup" "from" "to"
    ]
    TRACE "spec.workloads[].trace" [
        "path" "format" "namespace" "namespaceFrom" "columns" "shape" "perNode" "nodeSelector" "priority" "speedup"
        "from" "to" "maxGpus" "skipBadRows"
    ]
    NAMESPACE_FROM "spec.workloads[].trace.namespaceFrom" ["column" "map"]
    COLUMNS "spec.workloads[].trace.columns" [
        "name" "submit" "duration" "replicas" "cpu" "memory" "gpu" "priority" "gang" "models"
    ]
    EVENT "spec.events[]" ["at" "apply" "delete" "node"]
    DELETE "spec.events[].delete" ["kind" "namespace" "name"]
    NODE "spec.events[].node" ["drain" "fail" "recover" "add" "group"]
}

/// The known name nearest to one that is not known, if any is near enough to be meant.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // Longer texts are no slips of the pen, and the distance costs the product of the lengths.
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&k.to_lowercase(), &lower), k))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, k)| *distance <= k.len().max(name.len()).div_ceil(3).max(2))
        .map(|(_, k)| k)
}
