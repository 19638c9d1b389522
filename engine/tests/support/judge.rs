//! Judges every decision by the second model: what the rules forbid must not have happened.

use super::model::reclaim::{Kind, Place, Request, Victim, borrows, branch, gone, with};
use super::model::{Tree, Use, plus, times};
use super::world::{State, World};
use engine::spec::{PodId, WorkloadKey};
use engine::{Action, Cause, Event, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Watches the decisions of one world.
#[derive(Default)]
pub struct Judge {
    decisions: usize,
}

/// The pods a decision asked to end for one reason.
struct Taken {
    cause: Cause,
    pods: Vec<PodId>,
}

impl Judge {
    /// Decides and judges until owners have made what they were told to; then nothing is left to be decided.
    pub fn settle(&mut self, world: &mut World) {
        loop {
            self.decide(world);
            if !world.make_replicas() {
                break;
            }
        }
        let again = self.decide(world);
        let again: Vec<_> = again
            .iter()
            .filter(|a| !matches!(a, Action::WakeAt { .. }))
            .collect();
        assert!(
            again.is_empty(),
            "a second decision at one instant: {again:?}"
        );
        check_figures(world);
        world.engine.verify().expect("the engine's own sums hold");
    }

    /// Lets time come to `then`, by way of the wake-ups.
    pub fn pass(&mut self, world: &mut World, then: Time) {
        while let Some(at) = world.wake.filter(|&at| at < then) {
            world.wake = None;
            world.now = world.now.max(at);
            world.feed(Event::TimePassed);
            self.settle(world);
        }
        world.now = world.now.max(then);
    }

    fn decide(&mut self, world: &mut World) -> Vec<Action> {
        let before = world.books();
        let actions = world.decide();
        self.decisions += 1;
        let decision = Decision {
            tree: before.tree(),
            before: &before,
            after: world,
            actions: &actions,
        };
        decision.judge();
        actions
    }
}

/// One decision with what was before and after it.
struct Decision<'a> {
    tree: Tree,
    before: &'a World,
    after: &'a World,
    actions: &'a [Action],
}

impl Decision<'_> {
    fn judge(&self) {
        let taken = self.taken();
        self.nobody_is_asked_twice();
        self.nothing_is_admitted_and_taken(&taken);
        self.what_is_admitted_fits();
        self.groups_are_admitted_whole();
        self.limits_and_capacity_are_kept();
        for taken in &taken {
            self.units_go_whole(taken);
            match &taken.cause {
                Cause::Reclaim { to, request } => self.judge_reclaim(to, request, taken),
                Cause::Priority { request } => self.judge_priority(request, taken),
                _ => {}
            }
        }
        self.judge_sole_plan(&taken);
    }

    fn context(&self) -> String {
        let mut text = format!("at {:?}: {:#?}\n", self.before.now, self.actions);
        text += &super::judge::describe(self.before, &self.tree);
        text
    }

    /// What was asked to end, by reason.
    fn taken(&self) -> Vec<Taken> {
        let mut taken: Vec<Taken> = Vec::new();
        let mut add = |cause: &Cause, pods: &[PodId]| match taken
            .iter_mut()
            .find(|taken| taken.cause == *cause)
        {
            Some(taken) => taken.pods.extend(pods),
            None => taken.push(Taken {
                cause: cause.clone(),
                pods: pods.to_vec(),
            }),
        };
        for action in self.actions {
            match action {
                Action::Scale { remove, cause, .. } if !remove.is_empty() => add(cause, remove),
                Action::Evict { pod, cause, .. } => add(cause, &[*pod]),
                _ => {}
            }
        }
        taken
    }

    /// Rule 11, and rule 8's one write a workload and decision.
    fn nobody_is_asked_twice(&self) {
        let mut asked = BTreeSet::new();
        let mut written = BTreeSet::new();
        for action in self.actions {
            match action {
                Action::Scale {
                    workload,
                    from,
                    to,
                    remove,
                    ..
                } => {
                    assert!(
                        written.insert(workload),
                        "written twice: {}",
                        self.context()
                    );
                    let target = self.before.workloads[workload].target;
                    assert_eq!(*from, target, "from what is not: {}", self.context());
                    assert_ne!(from, to, "nothing changes: {}", self.context());
                    let going = usize::try_from(from.saturating_sub(*to)).expect("few");
                    assert_eq!(remove.len(), going, "who goes: {}", self.context());
                    for pod in remove {
                        assert!(asked.insert(*pod), "asked twice: {}", self.context());
                        let state = self.before.pods[pod].state;
                        let there = matches!(state, State::Running | State::Waiting);
                        assert!(there, "asked again: {}", self.context());
                    }
                }
                Action::Evict { pod, .. } => {
                    assert!(asked.insert(*pod), "asked twice: {}", self.context());
                    let state = self.before.pods[pod].state;
                    assert_eq!(state, State::Running, "asked again: {}", self.context());
                }
                Action::WakeAt { at } => {
                    assert!(
                        *at > self.before.now,
                        "a wake-up in the past: {}",
                        self.context()
                    );
                }
                _ => {}
            }
        }
    }

    fn nothing_is_admitted_and_taken(&self, taken: &[Taken]) {
        let victims: BTreeSet<_> = taken
            .iter()
            .flat_map(|taken| taken.pods.iter().copied())
            .collect();
        let victim_workloads: BTreeSet<_> = victims
            .iter()
            .filter_map(|&pod| self.before.workload_of(pod))
            .collect();
        for action in self.actions {
            let both = match action {
                Action::Admit { pod, .. } => victims.contains(pod),
                Action::Scale {
                    workload, from, to, ..
                } if to > from => victim_workloads.contains(workload),
                _ => false,
            };
            assert!(
                !both,
                "admitted and taken in one decision: {}",
                self.context()
            );
        }
    }

    /// Each admission fits what is available at its turn, all that is on its way out still charged.
    fn what_is_admitted_fits(&self) {
        let tree = &self.tree;
        let mut used = tree.charged(self.before);
        for action in self.actions {
            let (namespace, asks) = match action {
                Action::Admit { pod, .. } if self.before.pods[pod].spec.workload.is_none() => {
                    let pod = &self.before.pods[pod];
                    assert_eq!(pod.state, State::Waiting, "not waiting: {}", self.context());
                    (&pod.spec.namespace, pod.request.clone())
                }
                Action::Scale {
                    workload, from, to, ..
                } if to > from => {
                    let known = &self.before.workloads[workload];
                    let count = usize::try_from(to - from).expect("few");
                    assert!(
                        *to >= known.spec.min,
                        "a part of a minimum: {}",
                        self.context()
                    );
                    assert!(
                        *to <= known.spec.max,
                        "above its maximum: {}",
                        self.context()
                    );
                    let above = to - known.spec.min;
                    let in_steps = above.is_multiple_of(known.spec.step);
                    assert!(in_steps, "not in steps: {}", self.context());
                    (&workload.namespace, times(&known.request, count))
                }
                _ => continue,
            };
            let account = tree.find(namespace);
            let available = tree.available(&used, account);
            let fits = asks
                .iter()
                .zip(&available)
                .all(|(&asks, &room)| asks == 0 || asks <= room);
            assert!(
                fits,
                "{namespace} asks {asks:?}, has {available:?}: {}",
                self.context()
            );
            used = with(&used, account, &asks);
        }
    }

    /// All that waits of a group is admitted, or none, and then it has as many members as it must have.
    fn groups_are_admitted_whole(&self) {
        let admitted: BTreeSet<_> = self
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::Admit { pod, .. } => Some(*pod),
                _ => None,
            })
            .collect();
        for pod in &admitted {
            let spec = &self.before.pods[pod].spec;
            let Some(group) = &spec.group else { continue };
            let members = self.before.pods.values().filter(|other| {
                other.spec.namespace == spec.namespace && other.spec.group.as_ref() == Some(group)
            });
            let waiting = members
                .clone()
                .filter(|member| member.state == State::Waiting);
            let all = waiting
                .clone()
                .all(|member| admitted.contains(&member.spec.id));
            let present = members.filter(|m| matches!(m.state, State::Waiting | State::Running));
            let enough = present.count() >= usize::try_from(group.min).expect("few");
            assert!(all && enough, "a part of a group: {}", self.context());
        }
    }

    fn limits_and_capacity_are_kept(&self) {
        let tree = &self.tree;
        let (before, after) = (tree.charged(self.before), self.charged_after());
        for (n, account) in tree.accounts.iter().enumerate() {
            let was = tree.subtree_use(&before, n);
            let is = tree.subtree_use(&after, n);
            for r in 0..tree.resources {
                let most = if n == 0 {
                    Some(account.guarantee[r])
                } else {
                    account.limit[r]
                };
                let kept = most.is_none_or(|most| is[r] <= most) || is[r] <= was[r];
                assert!(
                    kept,
                    "{} goes above its limit: {}",
                    account.name,
                    self.context()
                );
            }
        }
    }

    /// What is charged after the decision, replicas that owners are still to make included.
    fn charged_after(&self) -> Use {
        let mut used = self.tree.charged(self.after);
        for (key, workload) in &self.after.workloads {
            let present = self.after.replicas(key).len();
            let missing = usize::try_from(workload.target)
                .expect("few")
                .saturating_sub(present);
            let account = self.tree.find(&key.namespace);
            used[account] = plus(&used[account], &times(&workload.request, missing));
        }
        used
    }

    /// Gangs and minima go as a whole; what is protected stays.
    fn units_go_whole(&self, taken: &Taken) {
        if taken.cause == Cause::Drain || taken.cause == Cause::Bounds {
            return;
        }
        for unit in self
            .before
            .victims(&self.tree)
            .iter()
            .filter(|unit| !unit.surplus)
        {
            let going = unit
                .pods
                .iter()
                .filter(|pod| taken.pods.contains(pod))
                .count();
            let workload = self.before.workload_of(unit.pods[0]);
            if let Some(key) = &workload {
                // The owner may order which replicas go: what counts is how many are left.
                let left = self.after.workloads.get(key).map_or(0, |w| w.target);
                let min = self.before.workloads[key].spec.min;
                assert!(
                    left == 0 || left >= min,
                    "a part of a minimum goes: {}",
                    self.context()
                );
                if left > 0 {
                    continue;
                }
            } else {
                let whole = going == 0 || going == unit.pods.len();
                assert!(whole, "a part of a unit goes: {}", self.context());
            }
            if going > 0 {
                self.is_not_protected(unit);
            }
        }
    }

    fn is_not_protected(&self, unit: &Victim) {
        let pods = unit.pods.iter().map(|pod| &self.before.pods[pod]);
        let longest = pods.filter_map(|pod| self.before.runtime(pod)).max();
        let least = self.tree.accounts[unit.account].min_runtime;
        let protected = longest.is_some_and(|ran| ran < least);
        assert!(!protected, "a protected unit goes: {}", self.context());
    }

    fn request(&self, account: usize, name: &str) -> Option<Request> {
        let mut requests = self.before.requests(&self.tree);
        requests.extend(self.before.steps(&self.tree));
        requests
            .into_iter()
            .find(|request| request.account == account && request.name == name)
    }

    /// Rule 1, in any order of choice: every victim's chain borrowed when all that this decision admits is
    /// counted and nothing is gone yet, and the claimant is covered once everything taken is gone.
    fn judge_reclaim(&self, to: &str, name: &str, taken: &Taken) {
        let tree = &self.tree;
        let named = self.request(tree.find(to), name);
        assert!(named.is_some(), "nobody asked for it: {}", self.context());
        // A shrink that several requests share names one of them.
        let mut all = self.before.requests(tree);
        all.extend(self.before.steps(tree));
        let most = self.most_used();
        let least = tree.use_of(self.before, |id, pod| {
            pod.state == State::Running && !self.is_taken(*id)
        });
        for id in &taken.pods {
            let pod = &self.before.pods[id];
            let victim = tree.find(&pod.spec.namespace);
            let own = (0..tree.resources)
                .any(|r| pod.request[r] > 0 && borrows(tree, &most, Place::Own(victim), r));
            assert!(
                own,
                "who borrows nothing loses {}: {}",
                pod.spec.name,
                self.context()
            );
            let shared = self.before.workload_of(*id).is_some();
            let mut claimants = all.iter().filter(|_| shared).chain(&named);
            let allowed = claimants.any(|request| {
                let Some((covered_at, chain)) = branch(tree, request.account, victim) else {
                    return false;
                };
                (0..tree.resources).any(|r| {
                    pod.request[r] > 0
                        && request.asks[r] > 0
                        && request.is_covered(tree, &least, covered_at, r)
                        && chain.iter().all(|&place| borrows(tree, &most, place, r))
                })
            });
            assert!(
                allowed,
                "{} may not be taken: {}",
                pod.spec.name,
                self.context()
            );
        }
    }

    fn is_taken(&self, id: PodId) -> bool {
        self.after.pods[&id].state == State::Leaving
    }

    /// All that is charged or admitted, nothing gone.
    fn most_used(&self) -> Use {
        let mut used = self.charged_after();
        let earmarked = self.before.requests(&self.tree);
        // Earmarks count as use: whoever waits may hold one.
        for request in earmarked {
            used[request.account] = plus(&used[request.account], &request.asks);
        }
        used
    }

    /// Rule 10: within one account, from lower priority, or surplus from equal.
    fn judge_priority(&self, name: &str, taken: &Taken) {
        for unit in self.before.victims(&self.tree) {
            if !unit.pods.iter().any(|pod| taken.pods.contains(pod)) {
                continue;
            }
            let Some(request) = self.request(unit.account, name) else {
                panic!("nobody of that account asked for it: {}", self.context());
            };
            let workload = self.before.workload_of(unit.pods[0]);
            let keeps_minimum = workload
                .is_some_and(|key| self.after.workloads.get(&key).is_some_and(|w| w.target > 0));
            let may = unit.priority < request.priority
                || (unit.priority == request.priority && (unit.surplus || keeps_minimum));
            let asks = !matches!(request.kind, Kind::Step(_));
            assert!(
                may && asks,
                "priority takes what it may not: {}",
                self.context()
            );
        }
    }

    /// A decision that does nothing but plan for one request, while nothing else is on its way: the plan is
    /// checked to the letter.
    fn judge_sole_plan(&self, taken: &[Taken]) {
        let admits = self.actions.iter().any(|action| match action {
            Action::Admit { .. } => true,
            Action::Scale { from, to, .. } => to > from,
            _ => false,
        });
        let pristine = !admits && self.before.in_state(State::Leaving).is_empty();
        let [
            Taken {
                cause: Cause::Reclaim { to, request },
                pods,
            },
        ] = taken
        else {
            return;
        };
        // With others about, one of them may hold an earmark, or share a shrink, which is one write.
        let asking = self.before.requests(&self.tree).len() + self.before.steps(&self.tree).len();
        if !pristine || asking > 1 {
            return;
        }
        let tree = &self.tree;
        let Some(request) = self.request(tree.find(to), request) else {
            return;
        };
        let units = self.chosen_units(pods);
        if units.len() > 10 {
            return;
        }
        let used = tree.charged(self.before);
        let chosen: Vec<_> = units.iter().collect();
        let lacks = request.lacks(tree, &used);
        assert!(!lacks.is_empty(), "it lacks nothing: {}", self.context());
        let suffices = |set: &[&Victim]| request.fits(tree, &gone(&used, set));
        let allowed = |set: &[&Victim]| request.may_take_all(tree, &used, &lacks, set);
        assert!(
            suffices(&chosen),
            "rule 6, the victims do not suffice: {}",
            self.context()
        );
        assert!(
            allowed(&chosen),
            "rule 1, they may not be taken: {}",
            self.context()
        );
        let entitled =
            |set: &[&Victim]| !request.covering(tree, &gone(&used, set), &lacks).is_empty();
        assert!(entitled(&chosen), "not entitled: {}", self.context());
        for spare in 0..chosen.len() {
            let mut rest = chosen.clone();
            rest.remove(spare);
            let needed = !suffices(&rest) || !allowed(&rest) || !entitled(&rest);
            assert!(
                needed,
                "rule 5, {:?} is not needed: {}",
                chosen[spare],
                self.context()
            );
        }
        self.judge_surplus_first(&request, &used, &lacks, &chosen);
    }

    /// The units of which the decision's victims consist; of a workload those that are gone afterwards.
    fn chosen_units(&self, pods: &[PodId]) -> Vec<Victim> {
        let mut chosen = Vec::new();
        let mut shrunk: BTreeMap<WorkloadKey, usize> = BTreeMap::new();
        for pod in pods {
            if let Some(key) = self.before.workload_of(*pod) {
                *shrunk.entry(key).or_default() += 1;
            }
        }
        for unit in self.before.victims(&self.tree) {
            match self.before.workload_of(unit.pods[0]) {
                None if pods.contains(&unit.pods[0]) => chosen.push(unit),
                None => {}
                Some(key) => {
                    let left = shrunk.entry(key).or_default();
                    if *left >= unit.pods.len() {
                        *left -= unit.pods.len();
                        chosen.push(unit);
                    }
                }
            }
        }
        self.join_minima(chosen)
    }

    /// A minimum takes its surplus with it: they are one unit then.
    fn join_minima(&self, chosen: Vec<Victim>) -> Vec<Victim> {
        let workload = |unit: &Victim| self.before.workload_of(unit.pods[0]);
        let minima: Vec<_> = chosen
            .iter()
            .filter(|unit| !unit.surplus)
            .filter_map(workload)
            .collect();
        let goes_whole = |unit: &Victim| workload(unit).is_some_and(|key| minima.contains(&key));
        let (parts, mut joined): (Vec<_>, Vec<_>) = chosen.into_iter().partition(goes_whole);
        for key in minima {
            let mut mine = parts
                .iter()
                .filter(|unit| workload(unit).as_ref() == Some(&key))
                .rev();
            let Some(mut whole) = mine.next().cloned() else {
                continue;
            };
            for surplus in mine {
                whole.holds = plus(&whole.holds, &surplus.holds);
                whole.pods.extend(&surplus.pods);
            }
            joined.push(whole);
        }
        joined
    }

    /// Rule 3: no whole unit goes while surplus that takes nobody below its guarantee would do.
    fn judge_surplus_first(
        &self,
        request: &Request,
        used: &Use,
        lacks: &[usize],
        chosen: &[&Victim],
    ) {
        if chosen.iter().all(|unit| unit.surplus) {
            return;
        }
        let tree = &self.tree;
        let all = self.before.victims(tree);
        let surplus: Vec<_> = all.iter().filter(|unit| unit.surplus).collect();
        let mut taken: Vec<&Victim> = Vec::new();
        loop {
            let left = gone(used, &taken);
            let next = surplus.iter().find(|unit| {
                !taken.iter().any(|taken| taken.pods == unit.pods)
                    && request.may_take(tree, &left, lacks, unit)
                    && !request.straddles(tree, &left, lacks, unit)
            });
            let Some(next) = next else { break };
            taken.push(next);
        }
        let would_do = request.fits(tree, &gone(used, &taken));
        assert!(!would_do, "rule 3, surplus would do: {}", self.context());
    }
}

/// The tree and what runs and waits in it, to look at a failure.
pub fn describe(world: &World, tree: &Tree) -> String {
    let mut text = String::new();
    for account in &tree.accounts {
        let depth = tree.path(tree.find(&account.name)).len() - 1;
        text += &format!(
            "{:indent$}{} G {:?} limit {:?} lend {:?} strict {} minrun {}\n",
            "",
            account.name,
            account.guarantee,
            account.limit,
            account.lend_limit,
            account.strict,
            account.min_runtime,
            indent = depth * 2
        );
        for pod in world.pods.values() {
            if *pod.spec.namespace == *account.name && pod.state != State::Ended {
                text += &format!(
                    "{:indent$}- {} {} {:?} {:?} prio {} since {}\n",
                    "",
                    pod.spec.id.0,
                    pod.spec.name,
                    pod.request,
                    pod.state,
                    pod.spec.priority,
                    pod.spec.created.0,
                    indent = depth * 2
                );
            }
        }
    }
    for (key, workload) in &world.workloads {
        let spec = &workload.spec;
        text += &format!(
            "{}/{} {}..{} step {} target {} of {:?} prio {} shrunk {:?} cooldown {}\n",
            key.namespace,
            key.name,
            spec.min,
            spec.max,
            spec.step,
            workload.target,
            workload.request,
            spec.priority,
            workload.shrunk,
            spec.cooldown.0
        );
    }
    text
}

/// Every figure of every account against the second model.
pub fn check_figures(world: &World) {
    let tree = world.tree();
    let used = tree.charged(world);
    let pools = world.engine.figures();
    let accounts = &pools.first().expect("a pool").accounts;
    let names: Vec<_> = accounts.iter().map(|account| &*account.namespace).collect();
    let expected: Vec<_> = tree.accounts.iter().map(|account| &*account.name).collect();
    assert_eq!(
        names, expected,
        "the accounts, the root first, depth first by name"
    );
    let requests = world.requests(&tree);
    for resource in 0..tree.resources {
        let figures = tree.figures(&used, resource);
        let idle = tree.no_use();
        let potential = tree.figures(&idle, resource);
        let lent = figures.lent();
        for (n, account) in accounts.iter().enumerate() {
            let mine = requests.iter().filter(|request| request.account == n);
            let expected = engine::snapshot::ResourceFigures {
                guaranteed: figures.guarantee(n),
                limit: tree.accounts[n].limit[resource],
                lend_limit: tree.accounts[n].lend_limit[resource],
                used: figures.own(n),
                subtree_used: tree.subtree_use(&used, n)[resource],
                kept_back: figures.kept(n),
                available: figures.available(n).max(0),
                potential: potential.available(n).max(0),
                borrowed: figures.borrowed(n),
                lent: lent[n].0,
                own_lent: lent[n].1,
                pending: mine.map(|request| request.asks[resource]).sum(),
            };
            let told = &account.resources[resource].1;
            let name = &account.namespace;
            assert_eq!(
                told,
                &expected,
                "{name} at {:?}:\n{}",
                world.now,
                describe(world, &tree)
            );
        }
    }
}

/// What must hold when nothing moves any more: guarantees are served, and nothing idle is left that somebody
/// could use.
pub fn judge_rest(world: &World) {
    let tree = world.tree();
    let used = tree.charged(world);
    let context = || describe(world, &tree);
    let requests = world.requests(&tree);
    let stopped = |account: usize| {
        tree.accounts[account].strict && requests.iter().any(|request| request.account == account)
    };
    for request in &requests {
        let entitled = request.is_plainly_entitled(&tree, &used);
        let name = &request.name;
        // In a strict queue only the head counts; which one it is, is told elsewhere.
        if stopped(request.account) {
            let mine = requests
                .iter()
                .filter(|other| other.account == request.account);
            let all = mine.map(|request| request.is_plainly_entitled(&tree, &used));
            assert!(
                !all.into_iter().all(|entitled| entitled),
                "a guarantee is not served: {}",
                context()
            );
            continue;
        }
        assert!(
            !entitled,
            "{name} is entitled and waits: {request:?}\n{}",
            context()
        );
        let fits = request.fits(&tree, &used);
        assert!(!fits, "{name} fits and waits: {request:?}\n{}", context());
    }
    for step in world.steps(&tree) {
        let fits = step.fits(&tree, &used);
        assert!(
            !fits || stopped(step.account),
            "{} could grow: {step:?}\n{}",
            step.name,
            context()
        );
        let own: Vec<_> = (0..tree.resources).filter(|&r| step.asks[r] > 0).collect();
        let covered = own
            .iter()
            .all(|&r| step.is_covered(&tree, &used, Place::Own(step.account), r));
        assert!(
            !covered || stopped(step.account),
            "{} lacks its own: {}",
            step.name,
            context()
        );
    }
}
