//! Reading and writing the lists of node names, which are long, without taking them apart more than needed.

use std::borrow::Cow;

/// A list of names as it came: text of a JSON array of strings, or `null`.
pub struct Names<'a> {
    /// The names with their quotes, without the brackets.
    inner: Cow<'a, str>,
}

impl<'a> Names<'a> {
    /// Reads the list. Nothing if it is no list of strings.
    pub fn read(text: &'a str) -> Option<Names<'a>> {
        let text = text.trim();
        if text == "null" {
            return Some(Names {
                inner: Cow::Borrowed(""),
            });
        }
        if memchr::memchr(b'\\', text.as_bytes()).is_some() {
            // Names of nodes need no escapes; who writes some all the same gets them unescaped. What needs them is no name.
            let names: Vec<String> = serde_json::from_str(text).ok()?;
            let is_plain =
                |name: &String| !name.contains(['"', '\\']) && !name.contains(char::is_control);
            if !names.iter().all(is_plain) {
                return None;
            }
            let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            return Some(Names {
                inner: Cow::Owned(quoted.join(",")),
            });
        }
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        Some(Names {
            inner: Cow::Borrowed(inner),
        })
    }

    /// The names with their quotes, separated by commas.
    pub fn text(&self) -> &str {
        &self.inner
    }

    /// Goes through the names. False if there is anything in the list but names.
    pub fn each<'b>(&'b self, mut visit: impl FnMut(&'b str)) -> bool {
        let text: &str = &self.inner;
        let bytes = text.as_bytes();
        let mut quotes = memchr::memchr_iter(b'"', bytes);
        let mut at = 0;
        while let Some(start) = quotes.next() {
            let Some(end) = quotes.next() else {
                return false;
            };
            if !bytes[at..start].iter().all(|&byte| is_filler(byte)) {
                return false;
            }
            visit(&text[start + 1..end]);
            at = end + 1;
        }
        bytes[at..].iter().all(|&byte| is_filler(byte))
    }
}

/// A question in two parts: all but the list of node names, and that list. Nothing if the list is not the last thing in
/// it, where kube-scheduler puts it. So the list, the longest part by far, is gone through once instead of twice.
pub fn split_names(question: &[u8]) -> Option<(Vec<u8>, &str)> {
    // Within a string of the pod each quote has a backslash before it, and a pod has no such field.
    const KEY: &[u8] = br#","NodeNames":["#;
    let at = memchr::memmem::rfind(question, KEY)?;
    let list = &question[at + KEY.len() - 1..];
    let list = list.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
    if memchr::memchr(b']', list) != list.len().checked_sub(1) {
        return None;
    }
    let mut rest = Vec::with_capacity(at + 1);
    rest.extend_from_slice(&question[..at]);
    rest.push(b'}');
    Some((rest, std::str::from_utf8(list).ok()?))
}

fn is_filler(byte: u8) -> bool {
    matches!(byte, b',' | b' ' | b'\t' | b'\n' | b'\r')
}

/// Writes a JSON answer piece by piece.
#[derive(Debug, Default)]
pub struct Answer {
    bytes: Vec<u8>,
}

impl Answer {
    /// An answer of about this size.
    pub fn with_capacity(bytes: usize) -> Answer {
        Answer {
            bytes: Vec::with_capacity(bytes),
        }
    }

    /// Adds text as it is.
    pub fn raw(&mut self, text: &str) -> &mut Answer {
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// Adds a string. `text` must need no escapes: a constant, or a name that stood in a list of names.
    pub fn plain(&mut self, text: &str) -> &mut Answer {
        self.raw("\"").raw(text).raw("\"")
    }

    /// Adds a comma unless something has just been opened.
    pub fn comma(&mut self) -> &mut Answer {
        if !matches!(self.bytes.last(), None | Some(b'[' | b'{')) {
            self.raw(",");
        }
        self
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
