//! A line of a drawing or a listing, word by word.

/// The words of a line that are still to be read.
pub struct Words<'a> {
    line: &'a str,
    rest: std::iter::Peekable<Box<dyn Iterator<Item = &'a str> + 'a>>,
}

impl<'a> Words<'a> {
    /// The words of `line`; commas separate like blanks.
    pub fn of(line: &'a str) -> Words<'a> {
        let words = line
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty());
        let rest: Box<dyn Iterator<Item = &'a str>> = Box::new(words);
        Words {
            line,
            rest: rest.peekable(),
        }
    }

    /// The next word, if there is one.
    pub fn next(&mut self) -> Option<&'a str> {
        self.rest.next()
    }

    /// The next word, without reading it.
    pub fn peek(&mut self) -> Option<&'a str> {
        self.rest.peek().copied()
    }

    /// The next word, which must be there.
    pub fn word(&mut self, what: &str) -> &'a str {
        let line = self.line;
        self.next()
            .unwrap_or_else(|| panic!("`{line}`: {what} is missing"))
    }

    /// The next word as a number.
    pub fn number<T: std::str::FromStr>(&mut self, what: &str) -> T {
        let (line, word) = (self.line, self.word(what));
        word.parse()
            .unwrap_or_else(|_| panic!("`{line}`: {what} cannot be `{word}`"))
    }

    /// Reads `word` if it comes next.
    pub fn accept(&mut self, word: &str) -> bool {
        let comes = self.peek() == Some(word);
        if comes {
            self.next();
        }
        comes
    }

    /// Stops the test at a word that nobody knows.
    pub fn unknown(&self, word: &str) -> ! {
        panic!("`{}`: what is `{word}`?", self.line)
    }
}
