//! `prioritize`: which of the nodes that will do is best. Reclaimable work is packed onto few nodes and kept apart from
//! guaranteed work, so that a reclaim frees whole nodes.

use crate::book::Held;
use crate::http::{Plugin, Question};
use crate::json::{Answer, Names};
use api::extender::{ExtenderArgs, Item};
use engine::score::prioritize as score;
use std::time::Instant;

/// Answers a question. A pod outside all leases, or one that is not charged, gets no scores: all nodes are the same to us.
pub fn prioritize(plugin: &Plugin, body: &[u8]) -> Result<Vec<u8>, Question> {
    let args: ExtenderArgs = serde_json::from_slice(body).map_err(Question::unreadable)?;
    let book = &plugin.book;
    let metadata = &args.pod.metadata;
    let held = book
        .is_leased(&metadata.namespace)
        .then(|| book.grant(&metadata.uid, Instant::now()))
        .flatten();
    let Some(held) = held else {
        return Ok(b"[]".to_vec());
    };
    let nodes = book.nodes();
    let mut answer = Answer::default();
    answer.raw("[");
    let mut add = |name: &str, quoted: &str| {
        let score = nodes
            .get(name)
            .map_or(0, |slot| score_of(&held, name, slot));
        answer.comma().raw(r#"{"Host":"#).raw(quoted);
        answer.raw(r#","Score":"#).raw(&score.to_string()).raw("}");
    };
    if let Some(names) = args.node_names {
        let names = Names::read(names.get()).ok_or_else(Question::no_names)?;
        let mut quoted = String::new();
        let is_list = names.each(|name| {
            quoted.clear();
            quoted.extend(["\"", name, "\""]);
            add(name, &quoted);
        });
        if !is_list {
            return Err(Question::no_names());
        }
    } else if let Some(nodes) = &args.nodes {
        for node in nodes.items.iter().flatten() {
            let item: Item = serde_json::from_str(node.get()).map_err(Question::unreadable)?;
            let name = &*item.metadata.name;
            let quoted = serde_json::to_string(name).map_err(Question::unreadable)?;
            add(name, &quoted);
        }
    }
    answer.raw("]");
    Ok(answer.finish())
}

fn score_of(held: &Held, name: &str, slot: &crate::book::NodeSlot) -> i64 {
    let is_expected = held.grant.node.as_deref() == Some(name);
    score(held.grant.is_reclaimable, is_expected, slot.room().mix)
}
