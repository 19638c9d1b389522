//! Refusals as a user reads them: names, numbers, and what to change.

use super::Refusal;
use crate::spec::LeaseKey;
use crate::time::Time;
use std::fmt::{self, Display, Formatter};

impl Refusal {
    /// An amount in base units as a quantity: cores from millicores, `Ki` to `Ei` for bytes where exact.
    pub fn amount(resource: &str, amount: i64) -> impl Display + use<'_> {
        Quantity { resource, amount }
    }

    /// An instant as RFC 3339 in UTC.
    pub fn instant(at: Time) -> impl Display {
        Instant(at)
    }
}

/// An amount of a resource.
#[derive(Clone, Copy)]
struct Quantity<'a> {
    resource: &'a str,
    amount: i64,
}

impl Display for Quantity<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let amount = self.amount;
        if self.resource == "cpu" {
            return match amount % 1000 {
                0 => write!(f, "{}", amount / 1000),
                _ => write!(f, "{amount}m"),
            };
        }
        let is_bytes = matches!(self.resource, "memory" | "ephemeral-storage" | "storage")
            || self.resource.starts_with("hugepages-");
        if is_bytes && amount != 0 {
            let mut whole = amount;
            let mut unit = "";
            for next in ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] {
                if whole % 1024 != 0 {
                    break;
                }
                whole /= 1024;
                unit = next;
            }
            return write!(f, "{whole}{unit}");
        }
        write!(f, "{amount}")
    }
}

/// An instant, printed as RFC 3339 in UTC.
struct Instant(Time);

impl Display for Instant {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const DAY_MS: i64 = 86_400_000;
        let (days, ms) = (self.0.0.div_euclid(DAY_MS), self.0.0.rem_euclid(DAY_MS));
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        match ms % 1000 {
            0 => write!(f, "Z"),
            fraction => write!(f, ".{fraction:03}Z"),
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years are counted from March, so that the leap day comes last: then the months from March on have
/// (153 m + 2) / 5 days before them, and 400 years have 146,097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    // 719,468 days from 0000-03-01 to 1970-01-01.
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Invalid {
                object,
                field,
                problem,
            } => write!(f, "{object}: {field}: {problem}"),
            Refusal::NotFound { object } => {
                write!(f, "{object} is not there; check its namespace and name")
            }
            Refusal::Overcommitted { .. }
            | Refusal::LesseeHasLessor { .. }
            | Refusal::Cycle { .. }
            | Refusal::NoAccount { .. }
            | Refusal::InOwnSubtree { .. }
            | Refusal::Ancestor { .. } => self.write_change(f),
            Refusal::Quota { .. } => self.write_quota(f),
            _ => self.write_wait(f),
        }
    }
}

impl Refusal {
    /// Why a lease or a pool cannot be changed so.
    fn write_change(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Overcommitted {
                lease,
                account,
                pool,
                at,
                resource,
                leased,
                held,
            } => {
                let amount = |amount| Refusal::amount(resource, amount);
                let (at, missing) = (Refusal::instant(*at), leased.saturating_sub(*held));
                match lease {
                    Some(key) => write!(f, "lease {}", Lease(key))?,
                    None => write!(f, "the change")?,
                }
                let missing = amount(missing);
                write!(
                    f,
                    " overcommits {account} in pool {pool} from {at}: {resource}: {} leased out, {} held, {missing} \
                     missing; ",
                    amount(*leased),
                    amount(*held),
                )?;
                // A lease of the account itself asks for too much; any other change takes too much from it.
                if lease.as_ref().is_some_and(|key| key.namespace == *account) {
                    write!(f, "ask for {missing} less, or ")?;
                } else {
                    write!(f, "leave {account} {missing} more, or ")?;
                }
                write!(f, "end leases of {account} before that instant")
            }
            Refusal::LesseeHasLessor {
                lease,
                lessee,
                lessor,
            } => write!(
                f,
                "lease {}: {lessee} already leases from {lessor} in this pool; lease to it from {lessor}, or \
                 delete its leases there first",
                Lease(lease)
            ),
            Refusal::Cycle { lease, path } => write!(
                f,
                "lease {} closes a cycle: {} -> {}; lease to a namespace that is not above {}",
                Lease(lease),
                path.join(" -> "),
                path.first().map_or("", |name| name),
                lease.namespace
            ),
            Refusal::NoAccount { lease, lessee, at } => write!(
                f,
                "lease {}: {lessee} has no lease in this pool at {}; grant it one for the whole term, or end lease \
                 {} before that instant",
                Lease(lease),
                Refusal::instant(*at),
                Lease(lease)
            ),
            Refusal::InOwnSubtree { lease } => write!(
                f,
                "transfer {}: its lessee is below {} in the tree; use a Sublease there",
                Lease(lease),
                lease.namespace
            ),
            Refusal::Ancestor { lease } => write!(
                f,
                "transfer {}: its lessee is above {} in the tree; make the lease to {} smaller instead",
                Lease(lease),
                lease.namespace,
                lease.namespace
            ),
            _ => write!(f, "{}", self.reason()),
        }
    }

    /// Which resource is short, where, and what the numbers are there.
    fn write_quota(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Refusal::Quota {
            account,
            at,
            resource,
            asks,
            available,
            limit,
            guaranteed,
            borrowed,
        } = self
        else {
            return write!(f, "{}", self.reason());
        };
        let amount = |amount| Refusal::amount(resource, amount);
        write!(
            f,
            "{resource}: {account} asks {}, {at} has {} left",
            amount(*asks),
            amount(*available)
        )?;
        if let Some(limit) = limit {
            write!(f, " of limit {}", amount(*limit))?;
        }
        write!(
            f,
            " ({} guaranteed, {} borrowed)",
            amount(*guaranteed),
            amount(*borrowed)
        )
    }

    /// Why a pod, a group or a workload waits.
    fn write_wait(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoLease { namespace } => write!(
                f,
                "{namespace} has no lease; ask a lessor for one, or have the label leasehold.dev/leased removed"
            ),
            Refusal::NotStarted { account, starts } => write!(
                f,
                "{account} has only leases that have not started; the first starts at {}",
                Refusal::instant(*starts)
            ),
            Refusal::PoolUnclear { namespace, pools } => write!(
                f,
                "{namespace} has accounts in pools {}; name one in the pod's label leasehold.dev/pool or select \
                 its nodes",
                pools.join(", ")
            ),
            Refusal::PriorityCeiling {
                account,
                at,
                priority,
                ceiling,
            } => write!(
                f,
                "{account}: priority {priority} is above the ceiling {ceiling} of {at}; use a priority class of at \
                 most {ceiling}"
            ),
            Refusal::Room {
                account,
                resource,
                asks,
                largest,
                free,
            } => {
                let amount = |amount| Refusal::amount(resource, amount);
                let cause = if free >= asks { "fragmented: " } else { "" };
                write!(
                    f,
                    "{cause}{resource}: {account} asks {} on one node, the largest piece is {} of {} free",
                    amount(*asks),
                    amount(*largest),
                    amount(*free)
                )
            }
            Refusal::OnTheWay {
                account,
                pods,
                since,
            } => write!(
                f,
                "{account}: {} asked to end since {}; it is admitted when they have",
                Count(*pods, "pod"),
                Refusal::instant(*since)
            ),
            Refusal::Behind { account, head } => write!(
                f,
                "{account}: {head} is before it in the queue and does not fit; with queueing BestEffort it need \
                 not wait"
            ),
            Refusal::GroupIncomplete {
                group,
                present,
                min,
            } => write!(
                f,
                "group {group}: {} of at least {min} there; it is admitted when the others have arrived",
                Count(*present, "pod")
            ),
            Refusal::AboveAdmitted { workload, admitted } => write!(
                f,
                "workload {workload}: {} admitted, this one is beyond them",
                Count(*admitted, "replica")
            ),
            _ => write!(f, "{}", self.reason()),
        }
    }
}

/// A lease as `namespace/name`.
struct Lease<'a>(&'a LeaseKey);

impl Display for Lease<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.namespace, self.0.name)
    }
}

/// A number of things.
struct Count(u32, &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_refused_request_names_account_ancestor_resource_and_numbers() {
        let refusal = Refusal::Quota {
            account: "retail/web".into(),
            at: "retail".into(),
            resource: "cpu".into(),
            asks: 8_000,
            available: 2_000,
            limit: Some(600_000),
            guaranteed: 400_000,
            borrowed: 200_000,
        };
        expect![
            "cpu: retail/web asks 8, retail has 2 left of limit 600 (400 guaranteed, 200 borrowed)"
        ]
        .assert_eq(&refusal.to_string());
    }

    #[test]
    fn amounts_are_quantities() {
        let amounts = [
            ("cpu", 500),
            ("cpu", -1_500),
            ("cpu", 2_000),
            ("memory", 0),
            ("memory", 1 << 40),
            ("memory", 1_536 << 20),
            ("memory", 1_000),
            ("nvidia.com/gpu", 2_048),
        ];
        let texts = amounts.map(|(resource, amount)| Refusal::amount(resource, amount).to_string());
        expect!["500m -1500m 2 0 1Ti 1536Mi 1000 2048"].assert_eq(&texts.join(" "));
    }

    #[test]
    fn instants_are_utc() {
        let instants = [
            0,
            -1,
            951_782_400_000,
            1_796_083_200_000,
            1_709_251_199_999,
            4_102_444_800_000,
            -62_135_596_800_000,
        ];
        let texts = instants.map(|ms| Refusal::instant(Time(ms)).to_string());
        expect![[r#"
            1970-01-01T00:00:00Z
            1969-12-31T23:59:59.999Z
            2000-02-29T00:00:00Z
            2026-12-01T00:00:00Z
            2024-02-29T23:59:59.999Z
            2100-01-01T00:00:00Z
            0001-01-01T00:00:00Z"#]]
        .assert_eq(&texts.join("\n"));
    }

    #[test]
    fn what_waits_says_for_what() {
        let refusals = [
            Refusal::NoLease {
                namespace: "web".into(),
            },
            Refusal::NotStarted {
                account: "web".into(),
                starts: Time(3_600_000),
            },
            Refusal::PoolUnclear {
                namespace: "web".into(),
                pools: vec!["general".into(), "gpu".into()],
            },
            Refusal::PriorityCeiling {
                account: "web".into(),
                at: "retail".into(),
                priority: 200,
                ceiling: 100,
            },
            Refusal::Room {
                account: "ml".into(),
                resource: "nvidia.com/gpu".into(),
                asks: 8,
                largest: 3,
                free: 8,
            },
            Refusal::Room {
                account: "ml".into(),
                resource: "memory".into(),
                asks: 8 << 30,
                largest: 1 << 30,
                free: 5 << 30,
            },
            Refusal::OnTheWay {
                account: "web".into(),
                pods: 1,
                since: Time(1_000),
            },
            Refusal::Behind {
                account: "web".into(),
                head: "big".into(),
            },
            Refusal::GroupIncomplete {
                group: "gang".into(),
                present: 3,
                min: 8,
            },
            Refusal::AboveAdmitted {
                workload: "train".into(),
                admitted: 1,
            },
        ];
        let texts = refusals.map(|refusal| refusal.to_string());
        expect![[r#"
            web has no lease; ask a lessor for one, or have the label leasehold.dev/leased removed
            web has only leases that have not started; the first starts at 1970-01-01T01:00:00Z
            web has accounts in pools general, gpu; name one in the pod's label leasehold.dev/pool or select its nodes
            web: priority 200 is above the ceiling 100 of retail; use a priority class of at most 100
            fragmented: nvidia.com/gpu: ml asks 8 on one node, the largest piece is 3 of 8 free
            memory: ml asks 8Gi on one node, the largest piece is 1Gi of 5Gi free
            web: 1 pod asked to end since 1970-01-01T00:00:01Z; it is admitted when they have
            web: big is before it in the queue and does not fit; with queueing BestEffort it need not wait
            group gang: 3 pods of at least 8 there; it is admitted when the others have arrived
            workload train: 1 replica admitted, this one is beyond them"#]].assert_eq(&texts.join("\n"));
    }
}
