//! `CapacityLease`.

use crate::problem::Problems;
use crate::{Problem, amounts, created, name};
use api::CapacityLease;
use api::crd::{CapacityLeaseSpec, LeaseType, OnExpiry, Queueing, Renew};
use engine::spec::{self, LeaseKey, LeaseKind, LeaseSpec};
use engine::{Span, Time};
use k8s_openapi::apimachinery::pkg::apis::meta::v1;

/// Bound of a victim's termination grace, where the lease sets none.
const GRACE_PERIOD_SECONDS: i64 = 30;

/// The longest time that can be given in seconds: a year.
pub(crate) const SECONDS_MAX: i64 = 31_536_000;

/// The lease, or everything in it that cannot be read. `created_otherwise` counts where its metadata does not
/// say when it was created.
///
/// Whether it makes sense (a limit below the guarantee, a weight of 0, a term without length) and whether it
/// fits is for the engine to say.
pub fn lease(lease: &CapacityLease, created_otherwise: Time) -> Result<LeaseSpec, Vec<Problem>> {
    let mut problems = Problems::default();
    let spec = &lease.spec;
    if spec.kind == LeaseType::Transfer {
        check_transfer(&mut problems, spec);
    }
    let mut read = |field, texts| amounts::read(&mut problems, &["spec", field], texts);
    let guaranteed = read("guaranteed", &spec.guaranteed);
    let limit = spec.limit.as_ref().map(|texts| read("limit", texts));
    let lend_limit = spec
        .lend_limit
        .as_ref()
        .map(|texts| read("lendLimit", texts));
    let term = spec.term.clone().unwrap_or_default();
    if term.renew == Renew::Auto && (term.start.is_none() || term.end.is_none()) {
        let message = "Auto goes on by whole terms, so it needs both start and end";
        problems.add(&["spec", "term", "renew"], "Auto", message);
    }
    let reclaim = spec.reclaim.clone().unwrap_or_default();
    let mut seconds = |field, given: Option<i64>, default| {
        read_seconds(&mut problems, &["spec", "reclaim", field], given, default)
    };
    let grace_period = seconds(
        "gracePeriodSeconds",
        reclaim.grace_period_seconds,
        GRACE_PERIOD_SECONDS,
    );
    let min_runtime = seconds("minRuntimeSeconds", reclaim.min_runtime_seconds, 0);
    problems.finish(LeaseSpec {
        key: LeaseKey {
            namespace: name(lease.metadata.namespace.as_deref()),
            name: name(lease.metadata.name.as_deref()),
        },
        created: created(&lease.metadata, created_otherwise),
        pool: spec.pool.as_str().into(),
        lessee: spec.lessee.as_str().into(),
        kind: match spec.kind {
            LeaseType::Sublease => LeaseKind::Sublease,
            LeaseType::Transfer => LeaseKind::Transfer,
        },
        guaranteed,
        limit: limit.unwrap_or_default(),
        lend_limit: lend_limit.unwrap_or_default(),
        weight: spec.weight.unwrap_or(1),
        max_priority: spec.max_priority,
        queueing: match spec.queueing.unwrap_or_default() {
            Queueing::BestEffort => spec::Queueing::BestEffort,
            Queueing::StrictFifo => spec::Queueing::StrictFifo,
        },
        start: term.start.as_ref().map(instant),
        end: term.end.as_ref().map(instant),
        renew: term.renew == Renew::Auto,
        on_expiry: match spec.on_expiry {
            OnExpiry::Borrow => spec::OnExpiry::Borrow,
            OnExpiry::Drain => spec::OnExpiry::Drain,
        },
        grace_period,
        min_runtime,
    })
}

fn instant(time: &v1::Time) -> Time {
    Time(time.0.as_millisecond())
}

/// A Transfer moves guarantee and nothing else. Only the object knows which fields were set.
fn check_transfer(problems: &mut Problems, spec: &CapacityLeaseSpec) {
    let fields = [
        ("limit", spec.limit.is_some()),
        ("lendLimit", spec.lend_limit.is_some()),
        ("weight", spec.weight.is_some()),
        ("maxPriority", spec.max_priority.is_some()),
        ("queueing", spec.queueing.is_some()),
        ("reclaim", spec.reclaim.is_some()),
    ];
    for (field, is_set) in fields {
        if is_set {
            let message = format!(
                "a Transfer moves guarantee only, with guaranteed, term and onExpiry: leave {field} out"
            );
            problems.add(&["spec", field], field, message);
        }
    }
}

/// A length given in seconds.
pub(crate) fn read_seconds(
    problems: &mut Problems,
    path: &[&str],
    given: Option<i64>,
    default: i64,
) -> Span {
    let seconds = given.unwrap_or(default);
    if !(0..=SECONDS_MAX).contains(&seconds) {
        let message = format!("{seconds} s is not from 0 to {SECONDS_MAX}, a year");
        problems.add(path, seconds, message);
    }
    Span::seconds(seconds)
}
