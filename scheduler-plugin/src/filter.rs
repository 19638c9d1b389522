//! `filter`: which of these nodes will do for the pod.

use crate::book::{Book, Held};
use crate::http::{Plugin, Question};
use crate::json::{Answer, Names, split_names};
use crate::outside::OutsideRequest;
use crate::texts::{Denial, NOT_READY};
use api::extender::{ExtenderArgs, Item, NodeList, WholePod};
use engine::place::may_place;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Instant;

/// Who asks for a node.
enum Asker<'a> {
    /// A pod outside all leases.
    Outside(OutsideRequest<'a>),
    /// A pod that is charged.
    Charged(Arc<Held>),
    /// A pod that nobody admits.
    Denied(Denial),
}

/// Answers a question.
pub async fn filter(plugin: &Plugin, body: &[u8]) -> Result<Vec<u8>, Question> {
    let split = split_names(body);
    let body = split.as_ref().map_or(body, |(rest, _)| rest);
    let args: ExtenderArgs = serde_json::from_slice(body).map_err(Question::unreadable)?;
    let names = split.as_ref().map(|(_, names)| *names);
    let names = names.or(args.node_names.map(RawValue::get));
    let book = &plugin.book;
    if !book.has_heard() {
        return Ok(failed(NOT_READY));
    }
    let now = Instant::now();
    let metadata = &args.pod.metadata;
    let asker = if !book.is_leased(&metadata.namespace) {
        Asker::Outside(OutsideRequest::of(body))
    } else if let Some(held) = book.grant(&metadata.uid, now) {
        Asker::Charged(held)
    } else {
        let whole: WholePod = serde_json::from_slice(body).map_err(Question::unreadable)?;
        match plugin.reserve(&metadata.uid, whole.pod.get()).await {
            Ok(held) => Asker::Charged(held),
            Err(denial) => Asker::Denied(denial),
        }
    };
    match (names, &args.nodes) {
        (Some(names), _) => {
            let names = Names::read(names).ok_or_else(Question::no_names)?;
            by_name(plugin, &asker, &names, now)
        }
        (None, Some(nodes)) => by_node(plugin, &asker, nodes, now),
        (None, None) => Err(Question::no_names()),
    }
}

/// An answer that says why there is none.
fn failed(why: &str) -> Vec<u8> {
    let mut answer = Answer::with_capacity(256);
    answer.raw(r#"{"Nodes":null,"NodeNames":null,"FailedNodes":null,"FailedAndUnresolvableNodes":null,"Error":"#);
    answer.plain(why).raw("}");
    answer.finish()
}

/// Judges nodes for one pod.
struct Judge<'a> {
    book: &'a Book,
    asker: &'a Asker<'a>,
    has_earmarks: bool,
    nodes: arc_swap::Guard<Arc<crate::book::NodeIndex>>,
}

impl<'a> Judge<'a> {
    fn new(book: &'a Book, asker: &'a Asker<'a>, now: Instant) -> Judge<'a> {
        Judge {
            book,
            asker,
            has_earmarks: book.has_earmarks(now),
            nodes: book.nodes(),
        }
    }

    /// Whether every node will do, whatever it is called.
    fn takes_all(&self) -> bool {
        matches!(self.asker, Asker::Outside(_)) && !self.has_earmarks
    }

    fn judge(&self, node: &str) -> Option<Denial> {
        match self.asker {
            Asker::Outside(request) => self.outside(node, request),
            Asker::Charged(held) => self.charged(node, held),
            Asker::Denied(denial) => Some(*denial),
        }
    }

    fn charged(&self, node: &str, held: &Held) -> Option<Denial> {
        let slot = self.nodes.get(node);
        let Some(slot) = slot.filter(|slot| slot.pool() == held.pool) else {
            return Some(Denial::OtherPool);
        };
        if !self.has_earmarks || !slot.is_earmarked() {
            return None;
        }
        let room = slot.room();
        let may = may_place(
            held.grant.node.as_deref() == Some(node),
            room.is_earmarked,
            &room.free_beside_earmarks,
            Some(&held.grant.request),
        );
        (!may).then_some(Denial::Earmarked)
    }

    fn outside(&self, node: &str, request: &OutsideRequest) -> Option<Denial> {
        let slot = self.nodes.get(node)?;
        if !self.has_earmarks || !slot.is_earmarked() {
            return None;
        }
        let room = slot.room();
        let may = |request: Option<&[i64]>| {
            may_place(
                false,
                room.is_earmarked,
                &room.free_beside_earmarks,
                request,
            )
        };
        let known = request.ask(self.book, slot.pool(), |request| may(Some(request)));
        (!known.unwrap_or_else(|| may(None))).then_some(Denial::Earmarked)
    }
}

const NAMES: &str = r#"{"Nodes":null,"NodeNames":["#;
const FAILED: &str = r#"],"FailedNodes":null,"FailedAndUnresolvableNodes":{"#;
const END: &str = r#"},"Error":""}"#;

/// The answer about names.
fn by_name(
    plugin: &Plugin,
    asker: &Asker,
    names: &Names,
    now: Instant,
) -> Result<Vec<u8>, Question> {
    let judge = Judge::new(&plugin.book, asker, now);
    let all = |names: &Names| {
        let mut answer = Answer::with_capacity(names.text().len() + 128);
        answer.raw(NAMES).raw(names.text()).raw(FAILED).raw(END);
        answer.finish()
    };
    if judge.takes_all() {
        return Ok(all(names));
    }
    let mut denied: Vec<(&str, Denial)> = Vec::new();
    let is_list = names.each(|name| denied.extend(judge.judge(name).map(|denial| (name, denial))));
    if !is_list {
        return Err(Question::no_names());
    }
    if denied.is_empty() {
        return Ok(all(names));
    }
    plugin
        .metrics
        .denied(denied.iter().map(|&(_, denial)| denial));
    let mut answer = Answer::with_capacity(names.text().len() + denied.len() * 96 + 128);
    answer.raw(NAMES);
    let mut next_denied = denied.iter().map(|(name, _)| name.as_ptr()).peekable();
    names.each(|name| {
        // The same pass over the same text: what was denied comes again in the same order.
        if next_denied.next_if_eq(&name.as_ptr()).is_none() {
            answer.comma().plain(name);
        }
    });
    answer.raw(FAILED);
    for (name, denial) in denied {
        answer.comma().plain(name).raw(":").plain(denial.text());
    }
    answer.raw(END);
    Ok(answer.finish())
}

/// The answer about whole nodes.
fn by_node(
    plugin: &Plugin,
    asker: &Asker,
    nodes: &NodeList,
    now: Instant,
) -> Result<Vec<u8>, Question> {
    let judge = Judge::new(&plugin.book, asker, now);
    let mut denied: Vec<(String, Denial)> = Vec::new();
    let length: usize = nodes
        .items
        .iter()
        .flatten()
        .map(|node| node.get().len() + 1)
        .sum();
    let mut answer = Answer::with_capacity(length + 256);
    answer.raw(r#"{"Nodes":{"metadata":{},"items":["#);
    for node in nodes.items.iter().flatten() {
        let item: Item = serde_json::from_str(node.get()).map_err(Question::unreadable)?;
        match judge.judge(&item.metadata.name) {
            None => {
                answer.comma().raw(node.get());
            }
            Some(denial) => denied.push((item.metadata.name.into_owned(), denial)),
        }
    }
    answer.raw(r#"]},"NodeNames":null,"FailedNodes":null,"FailedAndUnresolvableNodes":{"#);
    plugin
        .metrics
        .denied(denied.iter().map(|&(_, denial)| denial));
    for (name, denial) in denied {
        let name = serde_json::to_string(&name).map_err(Question::unreadable)?;
        answer.comma().raw(&name).raw(":").plain(denial.text());
    }
    answer.raw(END);
    Ok(answer.finish())
}
