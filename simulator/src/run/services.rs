//! Services: as many pods as are asked for, from instant to instant.

use super::jobs::new_work;
use super::pods::{Fate, Kind, index};
use super::timers::Due;
use super::world::World;
use crate::model::Service;
use crate::trace::RowProblem;
use engine::{Span, Time};

/// A stream of counts.
pub(crate) type Steps = Box<dyn Iterator<Item = Result<(Time, u32), RowProblem>>>;

/// A service during the run.
pub(crate) struct ServiceState {
    spec: Service,
    steps: Steps,
    /// The count that comes next.
    next: Option<(Time, u32)>,
    /// Its workload, once it has asked for something.
    pub(crate) work: Option<u32>,
    /// The last row: desired, running.
    pub(crate) told: Option<(u32, u32)>,
}

impl World<'_> {
    /// Takes a service in; its counts come by timers, one at a time.
    pub(crate) fn add_service(&mut self, spec: &Service, mut steps: Steps) {
        let next = self.step_of(steps.next());
        let at = index(self.services.len());
        if let Some((time, _)) = next {
            self.timers
                .set(time.max(self.now), Due::Service { index: at });
        }
        self.services.push(ServiceState {
            spec: spec.clone(),
            steps,
            next,
            work: None,
            told: None,
        });
    }

    /// A service asks for another count.
    pub(crate) fn service_step(&mut self, at: u32) {
        let now = self.now;
        let state = &mut self.services[at as usize];
        let Some((_, count)) = state.next else { return };
        let next = state.steps.next();
        let next = self.step_of(next);
        let state = &mut self.services[at as usize];
        state.next = next;
        if let Some((time, _)) = next {
            self.timers.set(time.max(now), Due::Service { index: at });
        }
        let work = match state.work {
            Some(work) => work,
            None => self.found_service(at),
        };
        self.tables.service_changed(&Kind::Service(at));
        let entry = &mut self.works[work];
        entry.desired = count;
        entry.wanted = entry.wanted.max(count);
        self.moved = true;
        self.remove_last(
            work,
            count,
            Fate::Killed,
            self.scenario.cluster.pod_termination,
        );
        self.fill_service(work);
    }

    /// A step that could be read; a mistake in the series ends the run.
    fn step_of(&mut self, step: Option<Result<(Time, u32), RowProblem>>) -> Option<(Time, u32)> {
        match step? {
            Ok(step) => Some(step),
            Err(problem) => {
                self.unreadable.get_or_insert_with(|| problem.into());
                None
            }
        }
    }

    fn found_service(&mut self, at: u32) -> u32 {
        let spec = &self.services[at as usize].spec;
        let mut work = new_work(
            Kind::Service(at),
            spec.namespace.clone(),
            spec.name.clone(),
            spec.priority,
            self.now,
        );
        work.governed = self.engine.is_some() && self.leased.contains(&spec.namespace);
        let work = self.add_work(work);
        self.services[at as usize].work = Some(work);
        work
    }

    /// Makes pods until there are as many as are asked for.
    pub(crate) fn fill_service(&mut self, work: u32) {
        let Kind::Service(at) = self.works[work].kind else {
            return;
        };
        let template = self.services[at as usize].spec.template.clone();
        while self.works[work].active < self.works[work].desired {
            self.make_pod(work, &template, Span(0));
        }
    }
}
