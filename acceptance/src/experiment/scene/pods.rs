//! The life of a pod, as it is seen.

use super::{Phase, PodSight, Scene};
use crate::experiment::plan::WorkKey;
use engine::Time;
use engine::spec::Name;
use simulator::record::{Outcome, PodRow};

/// A pod that was seen and has not ended.
#[derive(Clone, Debug)]
pub(super) struct PodLife {
    sight: PodSight,
    submitted: Time,
    admitted: Option<Time>,
    placed: Option<Time>,
    started: Option<Time>,
}

impl PodLife {
    fn key(&self) -> Option<WorkKey> {
        let work = self.sight.work.as_ref()?;
        Some(WorkKey::new(&self.sight.namespace, work))
    }

    /// It runs, and was not asked to end.
    fn works(&self) -> bool {
        self.started.is_some() && !self.sight.is_leaving
    }

    /// How it stands at the end of the run.
    pub fn row(self) -> Option<PodRow> {
        let outcome = match self.started {
            Some(_) => Outcome::Running,
            None => Outcome::Pending,
        };
        self.row_with(None, outcome)
    }

    fn row_with(self, ended: Option<Time>, outcome: Outcome) -> Option<PodRow> {
        Some(PodRow {
            workload: self.sight.work?,
            namespace: self.sight.namespace,
            pod: self.sight.name,
            submitted: self.submitted,
            admitted: self.admitted,
            placed: self.placed,
            started: self.started,
            ended,
            node: self.sight.node,
            outcome,
        })
    }
}

impl Scene {
    /// A pod is so.
    pub fn pod(&mut self, now: Time, sight: PodSight) {
        self.come_to(now);
        let uid = sight.uid.clone();
        let life = self.pods.entry(uid.clone()).or_insert_with(|| PodLife {
            sight: PodSight {
                phase: Phase::Pending,
                is_leaving: false,
                ..sight.clone()
            },
            submitted: now,
            admitted: None,
            placed: None,
            started: None,
        });
        let worked = life.works();
        let was_leaving = life.sight.is_leaving;
        life.sight = sight;
        if !life.sight.is_gated {
            life.admitted.get_or_insert(now);
        }
        if life.sight.node.is_some() {
            life.placed.get_or_insert(now);
        }
        let starts = life.sight.phase == Phase::Running && life.started.is_none();
        if starts {
            life.started = Some(now);
        }
        let (works, key) = (life.works(), life.key());
        let is_lost = life.sight.is_leaving && !was_leaving && life.sight.is_evicted;
        let ran = life.started.map(|started| now - started);
        let is_admitted = life.admitted.is_some();
        let is_over = matches!(life.sight.phase, Phase::Succeeded | Phase::Failed);
        if starts {
            self.count_use(&uid, 1);
        }
        if let Some(key) = &key
            && let Some(work) = self.works.get_mut(key)
        {
            if is_admitted {
                work.is_admitted(now);
            }
            if is_lost {
                work.is_evicted(ran);
            }
            if works != worked {
                work.works(now, if works { 1 } else { -1 });
                self.tell_service(key);
            }
        }
        if is_over {
            self.pod_gone(now, &uid);
        }
        self.tell_use();
    }

    /// A pod is gone, or over.
    pub fn pod_gone(&mut self, now: Time, uid: &str) {
        self.come_to(now);
        if self.pods.get(uid).is_some_and(|pod| pod.started.is_some()) {
            self.count_use(uid, -1);
        }
        let Some(life) = self.pods.remove(uid) else {
            return;
        };
        let outcome = match life.sight.phase {
            Phase::Succeeded => Outcome::Completed,
            _ => Outcome::Killed,
        };
        if let Some(key) = life.key()
            && let Some(work) = self.works.get_mut(&key)
        {
            work.pod_over(now, outcome);
            if life.works() {
                work.works(now, -1);
                self.tell_service(&key);
            }
        }
        self.ended.extend(life.row_with(Some(now), outcome));
        self.tell_use();
    }

    /// What a running pod asks for counts as used until it is gone, as it holds its node until then.
    fn count_use(&mut self, uid: &str, sign: i64) {
        let Some(life) = self.pods.get(uid) else {
            return;
        };
        let request: Vec<(Name, i64)> = life
            .sight
            .request
            .iter()
            .map(|(name, &amount)| (name.clone(), amount))
            .collect();
        for (resource, amount) in request {
            *self.used.entry(resource).or_insert(0) += sign * amount;
        }
    }
}
