//! Who lacks, who is covered, who is entitled, and who may take from whom: the lease model's sentences as
//! predicates, for one request at a time.

use super::{Amount, Tree, Use, minus, plus, times};
use crate::support::world::{Pod, State, World};
use engine::spec::{PodId, WorkloadKey};
use std::collections::BTreeMap;

/// What waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pod by itself.
    Pod(PodId),
    /// The waiting pods of a group.
    Group(String),
    /// What an elastic workload's minimum lacks.
    Minimum(WorkloadKey),
    /// The next step of an elastic workload.
    Step(WorkloadKey),
}

/// A request that waits for admission.
#[derive(Clone, Debug)]
pub struct Request {
    /// The account.
    pub account: usize,
    /// The name under which the engine speaks of it.
    pub name: String,
    /// Its priority.
    pub priority: i32,
    /// What it asks for, in all.
    pub asks: Amount,
    /// What it is.
    pub kind: Kind,
}

/// A part of running work that goes at once when it goes.
#[derive(Clone, Debug)]
pub struct Victim {
    /// Its account.
    pub account: usize,
    /// What it holds.
    pub holds: Amount,
    /// Its priority.
    pub priority: i32,
    /// Whether it is elastic surplus.
    pub surplus: bool,
    /// Its pods.
    pub pods: Vec<PodId>,
}

/// Where use is counted: an account as a whole, or its own pods, n°.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// n°.
    Own(usize),
    /// n with all below it.
    Whole(usize),
}

fn places(tree: &Tree, account: usize) -> Vec<Place> {
    let whole = tree.path(account).into_iter().map(Place::Whole);
    [Place::Own(account)].into_iter().chain(whole).collect()
}

/// Whether a place uses more than it holds.
pub fn borrows(tree: &Tree, used: &Use, place: Place, resource: usize) -> bool {
    over(tree, used, place, resource) > 0
}

fn over(tree: &Tree, used: &Use, place: Place, resource: usize) -> i64 {
    let figures = tree.figures(used, resource);
    match place {
        Place::Own(n) => figures.own(n) - figures.own_part(n),
        Place::Whole(n) => figures.visible(n) - figures.shared(n),
    }
}

/// The use with an amount added to an account's own pods.
pub fn with(used: &Use, account: usize, amount: &Amount) -> Use {
    let mut used = used.clone();
    used[account] = plus(&used[account], amount);
    used
}

/// The use with an amount taken from an account's own pods.
pub fn without(used: &Use, account: usize, amount: &Amount) -> Use {
    let mut used = used.clone();
    used[account] = minus(&used[account], amount);
    used
}

/// The use with victims gone.
pub fn gone(used: &Use, victims: &[&Victim]) -> Use {
    victims.iter().fold(used.clone(), |used, victim| {
        without(&used, victim.account, &victim.holds)
    })
}

impl Request {
    /// The resources it lacks.
    pub fn lacks(&self, tree: &Tree, used: &Use) -> Vec<usize> {
        let available = tree.available(used, self.account);
        (0..tree.resources)
            .filter(|&r| self.asks[r] > 0 && self.asks[r] > available[r])
            .collect()
    }

    /// Whether it lacks nothing.
    pub fn fits(&self, tree: &Tree, used: &Use) -> bool {
        self.lacks(tree, used).is_empty()
    }

    /// Whether it is covered at a place in a resource.
    pub fn is_covered(&self, tree: &Tree, used: &Use, place: Place, resource: usize) -> bool {
        let used = with(used, self.account, &self.asks);
        place != Place::Whole(0) && over(tree, &used, place, resource) <= 0
    }

    /// Whether the limits of accounts below a place leave room for it.
    fn keeps_limits_below(&self, tree: &Tree, used: &Use, place: Place) -> bool {
        let below = places(tree, self.account);
        let below = below.into_iter().take_while(|&p| p != place);
        let accounts = below.filter_map(|place| match place {
            Place::Own(_) => None,
            Place::Whole(n) => Some(n),
        });
        let after = with(used, self.account, &self.asks);
        accounts.into_iter().all(|n| {
            (0..tree.resources).filter(|&r| self.asks[r] > 0).all(|r| {
                let (figures, before) = (tree.figures(&after, r), tree.figures(used, r));
                let room = figures.shared(n) + figures.borrowing_limit(n) - figures.visible(n);
                // Where a child keeps back what the request uses, nothing is added at this level.
                room >= 0 || figures.visible(n) == before.visible(n)
            })
        })
    }

    /// The places, deepest first, at which it is covered in all of `resources` with limits below kept.
    pub fn covering(&self, tree: &Tree, used: &Use, resources: &[usize]) -> Vec<Place> {
        let places = places(tree, self.account).into_iter();
        places
            .filter(|&place| {
                let covered = |&r: &usize| self.is_covered(tree, used, place, r);
                resources.iter().all(covered) && self.keeps_limits_below(tree, used, place)
            })
            .collect()
    }

    /// Whether it is entitled without any help from below: covered at one place in all that it lacks, or,
    /// if it lacks nothing, in all that it asks for.
    pub fn is_plainly_entitled(&self, tree: &Tree, used: &Use) -> bool {
        let mut lacks = self.lacks(tree, used);
        if lacks.is_empty() {
            lacks = (0..tree.resources).filter(|&r| self.asks[r] > 0).collect();
        }
        !self.covering(tree, used, &lacks).is_empty()
    }

    /// Whether it may reclaim the victim, with `used` what is left of the use, the victim included.
    pub fn may_take(&self, tree: &Tree, used: &Use, lacks: &[usize], victim: &Victim) -> bool {
        let Some((covered_at, chain)) = branch(tree, self.account, victim.account) else {
            return false;
        };
        lacks.iter().any(|&r| {
            victim.holds[r] > 0
                && self.is_covered(tree, used, covered_at, r)
                && chain.iter().all(|&place| borrows(tree, used, place, r))
        })
    }

    /// Whether taking the victim takes its account, or one between it and the common ancestor, below what
    /// it holds, in a resource that is lacking.
    pub fn straddles(&self, tree: &Tree, used: &Use, lacks: &[usize], victim: &Victim) -> bool {
        let Some((_, chain)) = branch(tree, self.account, victim.account) else {
            return false;
        };
        let left = without(used, victim.account, &victim.holds);
        let below = |&r: &usize| chain.iter().any(|&place| over(tree, &left, place, r) < 0);
        lacks.iter().any(|r| victim.holds[*r] > 0 && below(r))
    }

    /// Whether there is an order in which each of the victims may be taken at its turn.
    pub fn may_take_all(&self, tree: &Tree, used: &Use, lacks: &[usize], all: &[&Victim]) -> bool {
        assert!(all.len() <= 16, "too many victims to try every order");
        // A set of victims can be taken if one of them can be taken last, after the others.
        let mut reachable = vec![false; 1 << all.len()];
        reachable[0] = true;
        for set in 0..reachable.len() {
            if !reachable[set] {
                continue;
            }
            let chosen: Vec<_> = (0..all.len()).filter(|i| set >> i & 1 == 1).collect();
            let taken: Vec<_> = chosen.iter().map(|&i| all[i]).collect();
            let left = gone(used, &taken);
            for (i, victim) in all.iter().enumerate() {
                if !chosen.contains(&i) && self.may_take(tree, &left, lacks, victim) {
                    reachable[set | 1 << i] = true;
                }
            }
        }
        reachable[reachable.len() - 1]
    }
}

/// The child of the lowest common ancestor towards the claimant, and all places from that ancestor's child
/// towards the victim down to the victim's own part. None within one account.
pub fn branch(tree: &Tree, claimant: usize, victim: usize) -> Option<(Place, Vec<Place>)> {
    let mine = places(tree, claimant);
    let theirs = places(tree, victim);
    let meet = mine.iter().position(|place| theirs.contains(place))?;
    let common = mine[meet];
    let chain = theirs.into_iter().take_while(|&place| place != common);
    (meet > 0).then(|| (mine[meet - 1], chain.collect()))
}

impl World {
    /// All requests that are in a queue: not held by a ceiling, by a start to come, or for want of members.
    pub fn requests(&self, tree: &Tree) -> Vec<Request> {
        let mut requests = self.pod_requests(tree);
        for (key, workload) in &self.workloads {
            let lacking = workload.spec.min.saturating_sub(workload.target);
            // One that was taken asks again when its replicas have ended.
            let leaving = self.pods.iter().any(|(&id, pod)| {
                pod.state == State::Leaving && self.workload_of(id).as_ref() == Some(key)
            });
            if lacking > 0 && !leaving {
                requests.push(Request {
                    account: tree.find(&key.namespace),
                    name: key.name.to_string(),
                    priority: workload.spec.priority,
                    asks: times(&workload.request, usize::try_from(lacking).expect("few")),
                    kind: Kind::Minimum(key.clone()),
                });
            }
        }
        requests.retain(|request| {
            let account = &tree.accounts[request.account];
            account
                .ceiling
                .is_none_or(|ceiling| request.priority <= ceiling)
                && !account.waits_for_start
        });
        requests
    }

    fn pod_requests(&self, tree: &Tree) -> Vec<Request> {
        let mut requests = Vec::new();
        let mut groups: BTreeMap<(usize, String), Vec<&Pod>> = BTreeMap::new();
        let waiting = self.pods.values().filter(|pod| pod.state == State::Waiting);
        for pod in waiting.filter(|pod| pod.spec.workload.is_none()) {
            let account = tree.find(&pod.spec.namespace);
            if let Some(group) = &pod.spec.group {
                let key = (account, group.name.to_string());
                groups.entry(key).or_default().push(pod);
            } else {
                requests.push(Request {
                    account,
                    name: pod.spec.name.to_string(),
                    priority: pod.spec.priority,
                    asks: pod.request.clone(),
                    kind: Kind::Pod(pod.spec.id),
                });
            }
        }
        for ((account, name), pods) in groups {
            let min = pods[0].spec.group.as_ref().map_or(0, |group| group.min);
            let running = self.pods.values().filter(|pod| {
                pod.state == State::Running
                    && pod.spec.namespace == pods[0].spec.namespace
                    && pod.spec.group == pods[0].spec.group
            });
            if pods.len() + running.count() >= usize::try_from(min).expect("few") {
                requests.push(Request {
                    account,
                    asks: pods
                        .iter()
                        .fold(vec![0; tree.resources], |sum, pod| plus(&sum, &pod.request)),
                    priority: pods.iter().map(|pod| pod.spec.priority).max().unwrap_or(0),
                    kind: Kind::Group(name.clone()),
                    name,
                });
            }
        }
        requests
    }

    /// The next steps of all elastic workloads that run and are not cooling down.
    pub fn steps(&self, tree: &Tree) -> Vec<Request> {
        let may_grow = self.workloads.values().filter(|workload| {
            let spec = &workload.spec;
            let cooled = workload
                .shrunk
                .is_none_or(|shrunk| shrunk + spec.cooldown <= self.now);
            workload.target >= spec.min && workload.target + spec.step <= spec.max && cooled
        });
        may_grow
            .map(|workload| Request {
                account: tree.find(&workload.spec.key.namespace),
                name: workload.spec.key.name.to_string(),
                priority: workload.spec.priority,
                asks: times(
                    &workload.request,
                    usize::try_from(workload.spec.step).expect("few"),
                ),
                kind: Kind::Step(workload.spec.key.clone()),
            })
            .collect()
    }

    /// Everything that runs, as the units in which it would go: surplus by steps, then whole units.
    pub fn victims(&self, tree: &Tree) -> Vec<Victim> {
        let mut units: BTreeMap<(usize, String), Vec<&Pod>> = BTreeMap::new();
        let running = self.pods.values().filter(|pod| pod.state == State::Running);
        for pod in running.filter(|pod| pod.spec.workload.is_none()) {
            let name = match &pod.spec.group {
                Some(group) => format!("group {}", group.name),
                None => format!("pod {}", pod.spec.id.0),
            };
            units
                .entry((tree.find(&pod.spec.namespace), name))
                .or_default()
                .push(pod);
        }
        let mut victims: Vec<_> = units
            .into_iter()
            .map(|((account, _), pods)| Victim {
                account,
                holds: pods
                    .iter()
                    .fold(vec![0; tree.resources], |sum, pod| plus(&sum, &pod.request)),
                priority: pods.iter().map(|pod| pod.spec.priority).max().unwrap_or(0),
                surplus: false,
                pods: pods.iter().map(|pod| pod.spec.id).collect(),
            })
            .collect();
        for key in self.workloads.keys() {
            victims.extend(self.workload_victims(tree, key));
        }
        victims
    }

    fn workload_victims(&self, tree: &Tree, key: &WorkloadKey) -> Vec<Victim> {
        let workload = &self.workloads[key];
        let spec = &workload.spec;
        let mut pods = self.replicas(key);
        pods.retain(|pod| self.pods[pod].state == State::Running);
        let count = |n: u32| usize::try_from(n).expect("few replicas");
        let mut victims = Vec::new();
        let unit = |pods: Vec<PodId>, surplus| Victim {
            account: tree.find(&key.namespace),
            holds: times(&workload.request, pods.len()),
            priority: spec.priority,
            surplus,
            pods,
        };
        while pods.len() > count(spec.min) {
            let surplus = pods.len() - count(spec.min);
            let going = surplus.min(count(spec.step));
            victims.push(unit(pods.split_off(pods.len() - going), true));
        }
        if !pods.is_empty() {
            victims.push(unit(pods, false));
        }
        victims
    }
}
