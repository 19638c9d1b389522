//! `preempt`: on which of these nodes may the scheduler evict these pods for this one.
//!
//! A node is struck off when the lease rules protect one of its victims. Of what is left, nodes on which nothing but
//! elastic surplus goes are kept alone, if there are any: there nobody is killed, a workload is made smaller.

use crate::book::{Book, Held};
use crate::http::{Plugin, Question};
use api::extender::{
    ExtenderPreemptionArgs, ExtenderPreemptionResult, MetaPod, MetaVictims, PodMetadata,
};
use engine::Time;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// From here on a priority belongs to Kubernetes itself (`system-cluster-critical`): pods without which a node does not work.
const SYSTEM_PRIORITY: i32 = 2_000_000_000;

/// A victim and what is known of it.
struct Candidate {
    uid: String,
    held: Option<Arc<Held>>,
    /// It is of a leased namespace, as far as its own object says.
    is_leased: bool,
}

/// Answers a question.
pub fn preempt(plugin: &Plugin, body: &[u8]) -> Result<Vec<u8>, Question> {
    let args: ExtenderPreemptionArgs =
        serde_json::from_slice(body).map_err(Question::unreadable)?;
    let book = &plugin.book;
    if !book.has_heard() {
        // There is no field to say so in: a failed call makes the scheduler try again.
        return Err(Question::not_ready());
    }
    let metadata = &args.pod.metadata;
    let nodes = nodes(book, &args);
    let asked = nodes.len();
    let allowed = if book.is_leased(&metadata.namespace) {
        match book.grant(&metadata.uid, Instant::now()) {
            Some(held) => allow(book, nodes, Some(&held)),
            // It may not be scheduled at all.
            None => BTreeMap::new(),
        }
    } else if args.pod.spec.priority.unwrap_or(0) >= SYSTEM_PRIORITY {
        nodes
    } else {
        allow(book, nodes, None)
    };
    plugin.metrics.vetoed(asked - allowed.len());
    let is_ours = |victims: &Vec<Candidate>| victims.iter().any(|victim| victim.held.is_some());
    if allowed.values().any(|(victims, _)| is_ours(victims)) {
        report(plugin, metadata, &allowed);
    }
    let answer = ExtenderPreemptionResult {
        node_name_to_meta_victims: allowed
            .into_iter()
            .map(|(node, (victims, budget_violations))| {
                let pods = victims
                    .into_iter()
                    .map(|victim| MetaPod { uid: victim.uid });
                let victims = MetaVictims {
                    pods: Some(pods.collect()),
                    budget_violations,
                };
                (node, victims)
            })
            .collect(),
    };
    serde_json::to_vec(&answer).map_err(Question::unreadable)
}

/// Victims by node, and how many disruption budgets they would break.
type Nodes = BTreeMap<String, (Vec<Candidate>, i64)>;

fn nodes(book: &Book, args: &ExtenderPreemptionArgs) -> Nodes {
    let candidate = |uid: &str, namespace: Option<&str>| Candidate {
        uid: uid.to_owned(),
        held: book.last_known(uid),
        is_leased: namespace.is_some_and(|namespace| book.is_leased(namespace)),
    };
    let meta = args.node_name_to_meta_victims.iter().flatten();
    let meta = meta.map(|(node, victims)| {
        let pods = victims.pods.iter().flatten();
        let pods: Vec<Candidate> = pods.map(|pod| candidate(&pod.uid, None)).collect();
        (node.clone(), (pods, victims.budget_violations))
    });
    let whole = args.node_name_to_victims.iter().flatten();
    let whole = whole.map(|(node, victims)| {
        let pods = victims.pods.iter().flatten();
        let pods = pods.map(|pod| candidate(&pod.metadata.uid, Some(&pod.metadata.namespace)));
        (node.clone(), (pods.collect(), victims.budget_violations))
    });
    // A node without victims is no candidate: the scheduler takes it for an error.
    meta.chain(whole)
        .filter(|(_, (victims, _))| !victims.is_empty())
        .collect()
}

fn allow(book: &Book, nodes: Nodes, preemptor: Option<&Held>) -> Nodes {
    let now = wall_clock();
    let mut without_kill = Vec::new();
    let mut allowed = Nodes::new();
    for (node, (candidates, violations)) in nodes {
        let known = candidates
            .iter()
            .filter_map(|victim| victim.held.as_deref());
        let victims = book.mark_surplus(known);
        let is_protected = victims
            .iter()
            .any(|victim| book.protection(now, preemptor, victim).is_some());
        // Of a leased namespace, but unknown: nobody can say that it may go.
        let is_unknown = candidates
            .iter()
            .any(|victim| victim.held.is_none() && victim.is_leased);
        if is_protected || is_unknown {
            continue;
        }
        let is_surplus = victims.iter().all(|victim| victim.is_surplus);
        if is_surplus && victims.len() == candidates.len() {
            without_kill.push(node.clone());
        }
        drop(victims);
        allowed.insert(node, (candidates, violations));
    }
    if !without_kill.is_empty() {
        allowed.retain(|node, _| without_kill.contains(node));
    }
    allowed
}

fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Time(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Tells the controller, without waiting for it.
fn report(plugin: &Plugin, preemptor: &PodMetadata, allowed: &Nodes) {
    let candidates = allowed.iter().map(|(node, (victims, _))| {
        let victims = victims.iter().map(|victim| victim.uid.clone());
        (node.clone(), victims.collect())
    });
    plugin.report_preemption(&preemptor.uid, candidates.collect());
}
