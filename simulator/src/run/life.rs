//! A pod's way: made, admitted, bound, running, asked to end, ended.

use super::pods::{Clock, Fate, Kind, NONE, Pod, Stage, index};
use super::scheduler::{Choice, Key, Wish};
use super::timers::Due;
use super::world::World;
use crate::model::Policy;
use crate::record::{Outcome, PodRow};
use engine::spec::{Group, Name, PodId, PodSpec, Template};
use engine::{Event, Span};
use std::cmp::Reverse;
use std::sync::Arc;

impl World<'_> {
    /// Makes a pod of a workload: it waits for admission, or, where nobody admits, for a node.
    pub(crate) fn make_pod(&mut self, work: u32, template: &Arc<Template>, left: Span) {
        self.moved = true;
        let form = self.cluster.form(template);
        let entry = &mut self.works[work];
        let number = entry.made;
        entry.made += 1;
        entry.active += 1;
        let pod = self.pods.insert(Pod {
            id: 0,
            work,
            form,
            node: NONE,
            node_slot: 0,
            live_slot: index(entry.live.len()),
            number,
            priority: entry.priority,
            stage: Stage::Gated,
            fate: Fate::Done,
            runs: false,
            reclaimable: false,
            governed: entry.governed,
            created: self.now,
            admitted: None,
            placed: None,
            started: None,
            left,
        });
        entry.live.push(pod);
        let id = self.new_id(pod);
        self.pods[pod].id = id;
        if self.works[work].governed {
            let spec = self.pod_spec(pod, template.clone());
            self.batch.arrivals.push(Event::PodArrived(spec));
            self.watch.arrived.push(id);
        } else {
            self.let_through(pod);
        }
    }

    /// The pod as the engine is told of it.
    pub(crate) fn pod_spec(&self, pod: u32, template: Arc<Template>) -> PodSpec {
        let entry = &self.pods[pod];
        let work = &self.works[entry.work];
        PodSpec {
            id: PodId(entry.id),
            namespace: work.namespace.clone(),
            name: self.pod_name(pod),
            priority: entry.priority,
            created: entry.created,
            template,
            pool: None,
            group: work.gang.then(|| Group {
                name: work.name.clone(),
                min: work.total,
            }),
            ordinal: None,
            workload: work.elastic.then(|| work.name.clone()),
        }
    }

    /// Numbers have their zeros, so that of the pods of one instant the first has the first name: where age does
    /// not decide, names do, and `10` would come before `2`.
    fn pod_name(&self, pod: u32) -> Name {
        let entry = &self.pods[pod];
        format!("{}-{:04}", self.works[entry.work].name, entry.number).into()
    }

    /// The engine has admitted a pod.
    pub(crate) fn admit(&mut self, pod: PodId) {
        let Some(slot) = self.slot(pod.0) else {
            return self.check(Err(format!(
                "pod {} was admitted after it had ended",
                pod.0
            )));
        };
        if self.pods[slot].stage != Stage::Gated {
            let name = self.pod_name(slot);
            return self.check(Err(format!("pod {name} was admitted and charged twice")));
        }
        let (form, work) = (self.pods[slot].form, self.pods[slot].work);
        let namespace = self.works[work].namespace.clone();
        let charged = self.ledger.charge(
            pod.0,
            &namespace,
            &self.cluster.forms[form as usize].template,
        );
        self.check(charged);
        self.watch.touch(&namespace);
        self.let_through(slot);
    }

    /// A pod needs a node from now on.
    fn let_through(&mut self, pod: u32) {
        self.moved = true;
        let now = self.now;
        let entry = &mut self.pods[pod];
        entry.stage = Stage::Queued;
        entry.admitted = Some(now);
        let (id, form, work, governed) = (entry.id, entry.form, entry.work, entry.governed);
        self.watch.forget(id);
        let owner = &mut self.works[work];
        owner.admitted_pods += 1;
        if !owner.gang || owner.admitted_pods >= owner.total {
            owner.admitted.get_or_insert(now);
        }
        if governed && self.without_nodes() {
            return self.bind(pod, NONE);
        }
        let key = self.queue_key(pod);
        self.scheduler
            .enqueue(form, key, self.policy == Policy::None);
    }

    fn queue_key(&self, pod: u32) -> Key {
        let entry = &self.pods[pod];
        // The autoscaler's cluster knew no priorities yet.
        let priority = if self.policy == Policy::Edl {
            0
        } else {
            entry.priority
        };
        (Reverse(priority), entry.created, entry.id, pod)
    }

    /// Finds nodes for the pods that may find one now, in the order of the queue.
    pub(crate) fn schedule(&mut self) {
        let mut heads = self.scheduler.heads(&mut self.cluster);
        while let Some(Reverse((key, form))) = heads.pop() {
            let pod = key.3;
            match self.choose_node(pod) {
                Choice::Node(node) => {
                    let next = self.scheduler.after(form, &key);
                    self.scheduler.remove(form, &key);
                    self.bind(pod, node);
                    heads.extend(next.map(|next| Reverse((next, form))));
                }
                Choice::KeptOff => {
                    self.scheduler.keep_off(form);
                    let next = self.scheduler.after(form, &key);
                    heads.extend(next.map(|next| Reverse((next, form))));
                }
                Choice::NoRoom => {
                    self.scheduler.block(form);
                    if self.policy == Policy::None && self.preempt(pod) {
                        let next = self.scheduler.after(form, &key);
                        heads.extend(next.map(|next| Reverse((next, form))));
                    }
                }
            }
        }
    }

    fn choose_node(&mut self, pod: u32) -> Choice {
        let entry = &self.pods[pod];
        let (id, governed) = (PodId(entry.id), entry.governed);
        let engine = self.engine.as_ref();
        let plugin = match engine {
            Some(engine) if self.policy == Policy::Leasehold => {
                Some(governed && engine.is_reclaimable(id))
            }
            _ => None,
        };
        let nodes = &self.cluster.nodes;
        let allowed = |node: u32| {
            plugin.is_none()
                || engine.is_none_or(|engine| engine.may_place(id, &nodes[node as usize].name))
        };
        let wish = Wish {
            form: entry.form,
            id: entry.id,
            priority: entry.priority,
            plugin,
            allowed: &allowed,
        };
        let choice = match self.expected_node(id, entry.form, plugin.is_some()) {
            Some(node) => Choice::Node(node),
            None => self.scheduler.choose(&self.cluster, &wish),
        };
        self.pods[pod].reclaimable = plugin == Some(true);
        choice
    }

    /// The node on which the engine expects the pod, if it still has room: no other can have a higher score,
    /// whatever the other plugins say, because of the weight with which ours is installed.
    fn expected_node(&self, id: PodId, form: u32, has_plugin: bool) -> Option<u32> {
        let engine = self.engine.as_ref().filter(|_| has_plugin)?;
        let node = self.cluster.node_named(engine.expected_node(id)?)?;
        let form = &self.cluster.forms[form as usize];
        self.cluster.has_room(form, node as usize).then_some(node)
    }

    fn bind(&mut self, pod: u32, node: u32) {
        self.moved = true;
        let now = self.now;
        let entry = &mut self.pods[pod];
        entry.stage = Stage::Bound;
        entry.placed = Some(now);
        entry.node = node;
        let (id, form, priority) = (entry.id, entry.form as usize, entry.priority);
        if node != NONE {
            let place = &mut self.cluster.nodes[node as usize];
            entry.node_slot = index(place.pods.len());
            place.pods.push(pod);
            place.nominated.retain(|&(other, ..)| other != id);
            let (reclaimable, governed, name) =
                (entry.reclaimable, entry.governed, place.name.clone());
            let request = std::mem::take(&mut self.cluster.forms[form].request);
            self.cluster.charge(node, &request, reclaimable, 1);
            self.cluster.forms[form].request = request;
            *self.placed_by_priority.entry(priority).or_default() += 1;
            let pod = PodId(id);
            self.tell(if governed {
                Event::PodPlaced { pod, node: name }
            } else {
                let request = self.cluster.forms[form].template.request.clone();
                Event::OutsidePlaced {
                    pod,
                    node: name,
                    request,
                }
            });
        }
        let startup = self.scenario.cluster.pod_startup;
        self.timers
            .set_in(now, startup, Due::PodStarted { pod: id });
    }

    /// A bound pod runs.
    pub(crate) fn pod_started(&mut self, pod: u32) {
        if self.pods[pod].stage != Stage::Bound {
            return;
        }
        self.moved = true;
        let now = self.now;
        let entry = &mut self.pods[pod];
        entry.stage = Stage::Running;
        entry.started = Some(now);
        entry.runs = true;
        let (id, work, left, governed, form) =
            (entry.id, entry.work, entry.left, entry.governed, entry.form);
        self.count_running(form, 1);
        if governed {
            self.tell(Event::PodStarted { pod: PodId(id) });
        }
        self.advance(work);
        let owner = &mut self.works[work];
        owner.working += 1;
        if !owner.gang || owner.working >= owner.total {
            owner.started.get_or_insert(now);
        }
        if matches!(owner.clock, Clock::PerPod(_)) {
            self.timers.set_in(now, left, Due::PodDone { pod: id });
        }
        self.tables.service_changed(&self.works[work].kind);
        self.mark_dirty(work);
    }

    fn count_running(&mut self, form: u32, sign: i64) {
        for (k, amount) in self.cluster.forms[form as usize].request.iter().enumerate() {
            self.cluster.running[k] += sign * amount;
        }
        self.tables.use_changed = true;
    }

    /// A pod's own work is done.
    pub(crate) fn pod_done(&mut self, pod: u32) {
        if self.pods[pod].stage != Stage::Running {
            return;
        }
        self.pods[pod].fate = Fate::Done;
        self.works[self.pods[pod].work].done += 1;
        self.end_pod(pod);
    }

    /// Asks a pod to end: what does not run anywhere ends at once, the rest within `span`.
    pub(crate) fn leave(&mut self, pod: u32, fate: Fate, span: Span, by_engine: bool) {
        self.moved = true;
        match self.pods[pod].stage {
            Stage::Leaving | Stage::Ended => {}
            Stage::Gated | Stage::Queued => {
                self.pods[pod].fate = fate;
                self.end_pod(pod);
            }
            Stage::Bound | Stage::Running => {
                self.lose_work(pod, fate);
                let entry = &mut self.pods[pod];
                let ran = entry.stage == Stage::Running;
                entry.stage = Stage::Leaving;
                entry.fate = fate;
                let (id, work, governed) = (entry.id, entry.work, entry.governed);
                self.stop_counting(work, ran);
                self.timers.set_in(self.now, span, Due::PodGone { pod: id });
                if governed && !by_engine {
                    self.tell(Event::PodLeaving { pod: PodId(id) });
                }
                self.after_leave(work, fate);
            }
        }
    }

    /// A pod of a workload is no longer among those that count.
    fn stop_counting(&mut self, work: u32, ran: bool) {
        self.advance(work);
        let owner = &mut self.works[work];
        owner.active -= 1;
        if ran {
            owner.working -= 1;
        }
        self.tables.service_changed(&self.works[work].kind);
        self.mark_dirty(work);
    }

    /// A pod has ended, as its `fate` says.
    pub(crate) fn end_pod(&mut self, pod: u32) {
        self.moved = true;
        let (stage, fate, work) = {
            let entry = &self.pods[pod];
            (entry.stage, entry.fate, entry.work)
        };
        if matches!(stage, Stage::Bound | Stage::Running) {
            self.lose_work(pod, fate);
        }
        match stage {
            Stage::Queued => {
                let key = self.queue_key(pod);
                self.scheduler.remove(self.pods[pod].form, &key);
            }
            Stage::Gated => self.watch.forget(self.pods[pod].id),
            Stage::Bound | Stage::Running | Stage::Leaving => self.free_node(pod),
            Stage::Ended => return,
        }
        if stage != Stage::Leaving {
            self.stop_counting(work, stage == Stage::Running);
        }
        let entry = &self.pods[pod];
        let (id, left, form, live_slot) = (entry.id, entry.left, entry.form, entry.live_slot);
        let admitted = entry.admitted.is_some();
        let (known, created, placed) = (
            entry.governed || entry.placed.is_some(),
            entry.created,
            entry.placed,
        );
        let untold =
            (created == self.now || placed == Some(self.now)) && self.batch.forget(PodId(id));
        if known && !untold {
            self.tell_end(id);
        }
        if admitted {
            self.works[work].admitted_pods -= 1;
            self.ledger.release(id);
            self.watch.touch(&self.works[work].namespace);
        }
        self.write_pod(pod, Some(self.now));
        let live = &mut self.works[work].live;
        live.swap_remove(live_slot as usize);
        if let Some(&moved) = live.get(live_slot as usize) {
            self.pods[moved].live_slot = live_slot;
        }
        self.works[work].last_end = Some(self.now);
        self.by_id[usize::try_from(id).unwrap_or(usize::MAX)] = NONE;
        self.pods[pod].stage = Stage::Ended;
        self.pods.release(pod);
        let template = self.cluster.forms[form as usize].template.clone();
        self.after_end(work, fate, stage, &template, left);
    }

    fn free_node(&mut self, pod: u32) {
        let entry = &self.pods[pod];
        let (node, slot, form, priority) =
            (entry.node, entry.node_slot, entry.form, entry.priority);
        let (runs, reclaimable) = (entry.runs, entry.reclaimable);
        if runs {
            self.count_running(form, -1);
        }
        if node == NONE {
            return;
        }
        let place = &mut self.cluster.nodes[node as usize].pods;
        place.swap_remove(slot as usize);
        if let Some(&moved) = place.get(slot as usize) {
            self.pods[moved].node_slot = slot;
        }
        let request = std::mem::take(&mut self.cluster.forms[form as usize].request);
        self.cluster.charge(node, &request, reclaimable, -1);
        self.cluster.forms[form as usize].request = request;
        if let Some(count) = self.placed_by_priority.get_mut(&priority) {
            *count -= 1;
            if *count == 0 {
                self.placed_by_priority.remove(&priority);
            }
        }
    }

    /// Writes a pod's row, if rows of pods are wanted.
    pub(crate) fn write_pod(&mut self, pod: u32, ended: Option<engine::Time>) {
        if !self.sink.wants_pods() {
            return;
        }
        let entry = &self.pods[pod];
        let work = &self.works[entry.work];
        let outcome = match (ended, entry.fate) {
            (Some(_), Fate::Done) => Outcome::Completed,
            (Some(_), _) => Outcome::Killed,
            (None, _) if entry.runs => Outcome::Running,
            (None, _) => Outcome::Pending,
        };
        let node =
            (entry.node != NONE).then(|| self.cluster.nodes[entry.node as usize].name.clone());
        let row = PodRow {
            namespace: work.namespace.clone(),
            workload: work.name.clone(),
            pod: self.pod_name(pod),
            submitted: entry.created,
            admitted: entry.admitted,
            placed: entry.placed,
            started: entry.started,
            ended,
            node,
            outcome,
        };
        self.sink.pod(row);
    }

    /// Whether this workload is a service.
    pub(crate) fn is_service(&self, work: u32) -> bool {
        matches!(self.works[work].kind, Kind::Service(_))
    }
}
