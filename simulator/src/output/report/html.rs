//! Text as HTML.

use std::borrow::Cow;

/// Text that no browser takes for markup, in an element or in a quoted attribute.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe.into()
}

/// JSON that may stand in a script element: `<` occurs in its strings only, and can be written otherwise there.
pub fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Text, to the left.
    Text(String),
    /// A number with its unit, to the right.
    Number(String),
    /// A sentence, to the left.
    Sentence(String),
    /// Names the row.
    Head(String),
}

/// A table in a box that scrolls by itself.
pub struct Table<'a> {
    /// What the table is of.
    pub caption: &'a str,
    /// Heads, and whether numbers stand below.
    pub heads: Vec<(String, bool)>,
    /// Rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Table<'_> {
    /// As HTML.
    pub fn html(&self) -> String {
        let tall = if self.rows.len() > 24 { " tall" } else { "" };
        let caption = escaped(self.caption);
        let mut text = format!(
            "<div class=\"table{tall}\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\
             <table><caption>{caption}</caption><thead><tr>"
        );
        for (head, is_number) in &self.heads {
            let class = if *is_number { " class=\"n\"" } else { "" };
            text.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escaped(head)));
        }
        text.push_str("</tr></thead><tbody>\n");
        for row in &self.rows {
            text.push_str("<tr>");
            for cell in row {
                text.push_str(&match cell {
                    Cell::Text(value) => format!("<td class=\"name\">{}</td>", escaped(value)),
                    Cell::Number(value) => format!("<td class=\"n\">{}</td>", escaped(value)),
                    Cell::Sentence(value) => format!("<td class=\"wide\">{}</td>", escaped(value)),
                    Cell::Head(value) => format!("<th scope=\"row\">{}</th>", escaped(value)),
                });
            }
            text.push_str("</tr>\n");
        }
        text.push_str("</tbody></table></div>\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_markup() {
        assert_eq!(
            escaped("<script>alert('&\"')</script>"),
            "&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;"
        );
        assert_eq!(
            json_in_script("\"</script><!--\""),
            "\"\\u003c/script>\\u003c!--\""
        );
    }
}
