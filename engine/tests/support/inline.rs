//! Trees in one line, as the lease model's tables write them: `root 40 {a 10, b 10 limit 12 lend 5}`.

use super::amount::parse;
use super::drawing::Drawing;

/// Reads a tree in one line.
pub fn tree(text: &str) -> Drawing {
    Drawing::parse(&drawn(text))
}

/// The same tree as a drawing, a line an account.
fn drawn(text: &str) -> String {
    let mut depth = 0;
    let mut lines = vec![String::new()];
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if matches!(c, '{' | '}' | ',') {
            lines.push("   ".repeat(depth));
        } else if c != ' ' || !lines[lines.len() - 1].trim().is_empty() {
            lines.last_mut().expect("a line").push(c);
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines.join("\n")
}

/// Reads `a 1, b 0.5` as names with amounts.
pub fn amounts(text: &str) -> Vec<(String, Vec<i64>)> {
    let pairs = text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, amount) = pair.split_once(' ').expect("a name and an amount");
            (name.to_string(), parse(amount.trim()))
        })
        .collect()
}

/// The cells of each row below a table's head.
pub fn rows<'a>(markdown: &'a str, head: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
    let below = markdown
        .lines()
        .map(str::trim)
        .skip_while(move |line| *line != head);
    let rows = below.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}
