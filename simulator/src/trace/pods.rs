//! From what a row asks for to pods: one, or several of one form and perhaps a smaller last one.

use super::problem::Bad;
use super::table::Cell;
use super::tenants::{Tenants, valid_name};
use super::{GPU, GPU_MODEL, MODELS, Read};
use crate::model::{Job, Shape, TraceSource, Work};
use engine::spec::{Name, NodeSelector, NodeSelectorTerm, Operator, Requirement, Template};
use engine::{Span, Time};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most pods of one job; more is rather a slip of the pen than a job.
const PODS_MAX: i64 = 1_000_000;
/// Templates that are kept to be shared; a trace with more forms than that gains little by sharing.
const TEMPLATES_MAX: usize = 1 << 16;

/// Amounts of resources, in base units, without those that are nothing.
pub type Request = Vec<(Name, i64)>;

/// What the pods of a row ask for.
pub enum Ask {
    /// The whole job asks for so much.
    Whole(Request),
    /// So many pods ask for so much each, and perhaps one more pod for something else.
    Each {
        /// How many.
        replicas: i64,
        /// Each of them.
        request: Request,
        /// One more.
        last: Option<Request>,
    },
}

/// A row, read but not yet made a job.
pub struct Draft<'a> {
    /// When it is submitted, in the trace's own time.
    pub at: i64,
    /// How long each pod runs.
    pub duration: i64,
    /// Its name.
    pub name: &'a str,
    /// The value that tells its namespace.
    pub tenant: Cell<'a>,
    /// Its priority, if it says one.
    pub priority: Option<i32>,
    /// What it asks for.
    pub ask: Ask,
    /// All or none, if it says so.
    pub gang: Option<bool>,
    /// The GPU models it may use, `|` between them; empty: any.
    pub models: &'a str,
}

/// Makes jobs of rows.
pub struct Maker {
    tenants: Tenants,
    shape: Option<Shape>,
    per_node: i64,
    priority: i32,
    max_gpus: BTreeMap<String, u64>,
    selector: Vec<(String, String)>,
    /// The selector names the row's namespace, so templates are not shared across namespaces.
    by_namespace: bool,
    templates: FxHashMap<(Option<Name>, String, Request), Arc<Template>>,
    gpu: Name,
}

impl Maker {
    /// For rows of this trace; `shape` is the format's own default.
    pub fn new(source: &TraceSource, shape: Option<Shape>) -> Maker {
        Maker {
            tenants: Tenants::new(&source.namespace),
            shape: source.shape.or(shape),
            per_node: i64::from(source.per_node.max(1)),
            priority: source.priority,
            max_gpus: source.max_gpus.clone(),
            selector: source.node_selector.clone(),
            by_namespace: source
                .node_selector
                .iter()
                .any(|(_, value)| value.contains("{namespace}")),
            templates: FxHashMap::default(),
            gpu: GPU.into(),
        }
    }

    /// A job of a row.
    ///
    /// # Errors
    /// It has no namespace, or asks for too many pods.
    pub fn job(&mut self, draft: Draft) -> Result<Read, Bad> {
        let at = draft.at;
        let passed = |why| Ok(Read::Passed { at, why });
        let Some(namespace) = self.tenants.namespace(&draft.tenant)? else {
            return passed("their namespace is not in the map");
        };
        let (forms, gang) = self.forms(draft.ask, draft.gang)?;
        let gpus: i64 = forms
            .iter()
            .map(|(request, count)| amount(request, GPU).saturating_mul(*count))
            .sum();
        let most = self.max_gpus.get(&*namespace).copied();
        if most.is_some_and(|most| u64::try_from(gpus).is_ok_and(|gpus| gpus > most)) {
            return passed("they ask for more GPUs than `maxGpus` of their namespace");
        }
        let pods = forms.iter().map(|(_, count)| *count).sum::<i64>();
        if !(1..=PODS_MAX).contains(&pods) {
            return Err(Bad::row(
                format!("asks for {pods} pods"),
                "a job has 1 to 1,000,000 pods",
            ));
        }
        let name = valid_name(draft.name).ok_or_else(|| {
            Bad::row(
                format!("has the name `{}`", draft.name),
                "a name has a letter or digit",
            )
        })?;
        let pods_forms = forms
            .into_iter()
            .map(|(request, count)| {
                let template = self.template(&namespace, draft.models, request);
                (template, u32::try_from(count).unwrap_or(u32::MAX))
            })
            .collect();
        Ok(Read::Job(Job {
            namespace,
            name: name.into(),
            at: Time(draft.at),
            priority: draft.priority.unwrap_or(self.priority),
            pods: pods_forms,
            work: Work::Duration(Span(draft.duration)),
            elastic: None,
            // A gang of one is a pod like any other.
            gang: gang && pods > 1,
            checkpoint: false,
            restart_penalty: Span(0),
            efficiency: Vec::new(),
        }))
    }

    /// The forms of pods with their counts, and whether they are a gang.
    fn forms(&self, ask: Ask, gang: Option<bool>) -> Result<(Vec<(Request, i64)>, bool), Bad> {
        let (forms, by_default) = match ask {
            Ask::Each {
                replicas,
                request,
                last,
            } => {
                let has_gpus = amount(&request, GPU) > 0;
                let mut forms = vec![(request, replicas)];
                forms.extend(last.map(|request| (request, 1)));
                if self.shape == Some(Shape::Single) && gang.is_none() {
                    forms = vec![(sum(&forms)?, 1)];
                }
                (forms, has_gpus)
            }
            Ask::Whole(request) => {
                let has_gpus = amount(&request, GPU) > 0;
                let split = match self.shape {
                    Some(Shape::Single) => false,
                    Some(Shape::Gang | Shape::Pods) => true,
                    None => has_gpus,
                };
                let forms = match split {
                    true => self.split(request),
                    false => vec![(request, 1)],
                };
                (forms, has_gpus)
            }
        };
        let gang = gang.unwrap_or(match self.shape {
            Some(shape) => shape == Shape::Gang,
            None => by_default,
        });
        let forms = forms.into_iter().filter(|(_, count)| *count != 0).collect();
        Ok((forms, gang))
    }

    /// As few pods as `per_node` GPUs allow; without GPUs, pods of one processor. What else there is goes
    /// along in proportion, rounded up.
    fn split(&self, request: Request) -> Vec<(Request, i64)> {
        let gpus = amount(&request, GPU);
        let (key, total, most) = match gpus > 0 {
            true => (GPU, gpus, self.per_node),
            false => (CPU, amount(&request, CPU), 1000),
        };
        if total <= most {
            return vec![(request, 1)];
        }
        let part = |of: i64| -> Request {
            request
                .iter()
                .map(|(resource, amount)| {
                    if &**resource == key {
                        return (resource.clone(), of);
                    }
                    let share = (i128::from(*amount) * i128::from(of) + i128::from(total) - 1)
                        / i128::from(total);
                    (resource.clone(), i64::try_from(share).unwrap_or(*amount))
                })
                .collect()
        };
        let mut forms = vec![(part(most), total / most)];
        if total % most > 0 {
            forms.push((part(total % most), 1));
        }
        forms
    }

    fn template(&mut self, namespace: &Name, models: &str, request: Request) -> Arc<Template> {
        let key = (
            self.by_namespace.then(|| namespace.clone()),
            models.to_string(),
            request,
        );
        if let Some(template) = self.templates.get(&key) {
            return template.clone();
        }
        if self.templates.len() >= TEMPLATES_MAX {
            self.templates.clear();
        }
        let mut amounts: BTreeMap<Name, i64> = key.2.iter().cloned().collect();
        amounts.insert("pods".into(), 1);
        let labels = self.selector.iter().map(|(label, value)| {
            (
                Name::from(label.as_str()),
                value.replace("{namespace}", namespace).into(),
            )
        });
        let template = Arc::new(Template {
            request: amounts,
            nodes: NodeSelector {
                labels: labels.collect(),
                terms: terms(models),
            },
            ..Template::default()
        });
        self.templates.insert(key, template.clone());
        template
    }

    /// A template of one GPU, for services that count GPUs.
    pub fn of_gpus(&mut self, namespace: &Name, gpus: i64) -> Arc<Template> {
        let gpu = self.gpu.clone();
        self.template(namespace, "", vec![(gpu, gpus)])
    }

    /// The namespace of a cell; `None` if the map leaves it out.
    ///
    /// # Errors
    /// The value cannot be made a name.
    pub fn namespace(&mut self, cell: &Cell) -> Result<Option<Name>, Bad> {
        self.tenants.namespace(cell)
    }
}

const CPU: &str = "cpu";

/// How much of a resource is asked for.
pub fn amount(request: &Request, resource: &str) -> i64 {
    request
        .iter()
        .find(|(name, _)| &**name == resource)
        .map_or(0, |(_, amount)| *amount)
}

fn sum(forms: &[(Request, i64)]) -> Result<Request, Bad> {
    let mut total: BTreeMap<Name, i64> = BTreeMap::new();
    for (request, count) in forms {
        for (resource, amount) in request {
            let part = total.entry(resource.clone()).or_default();
            *part = amount
                .checked_mul(*count)
                .and_then(|all| part.checked_add(all))
                .filter(|sum| *sum <= engine::AMOUNT_MAX)
                .ok_or_else(|| {
                    Bad::row(
                        format!("asks for too much {resource} in all"),
                        "at most 2^53 base units",
                    )
                })?;
        }
    }
    Ok(total.into_iter().collect())
}

fn terms(models: &str) -> Vec<NodeSelectorTerm> {
    if models.is_empty() {
        return Vec::new();
    }
    vec![NodeSelectorTerm {
        labels: vec![Requirement {
            key: GPU_MODEL.into(),
            operator: Operator::In,
            values: models.split(MODELS).map(Name::from).collect(),
        }],
        names: Vec::new(),
    }]
}
