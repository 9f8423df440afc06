//! A reader of frontmatter's lines, not of YAML: it finds what breaks top-level values and what type
//! they have. It takes on trust what is nested; a false alarm would be worse than a miss.

use std::ops::Range;

/// A top-level value, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    Text(String),
    /// A string whose content is not worked out.
    SomeText,
    Null,
    /// A number, a boolean, a list or a table: not what a name or a description may be.
    Other(&'static str),
}

/// What makes the frontmatter unreadable, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub range: Range<usize>,
    pub message: String,
    pub help: &'static str,
}

/// The top-level keys and their values, in order.
pub(super) type Fields = Vec<(String, Scalar)>;

/// A line without its end, and where it begins.
#[derive(Clone, Copy)]
struct Line<'t> {
    at: usize,
    text: &'t str,
}

impl Line<'_> {
    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    fn is_comment(&self) -> bool {
        self.text.trim_start().starts_with('#')
    }

    fn broken(&self, message: &str, help: &'static str) -> Broken {
        Broken { range: self.at..self.at + self.text.len(), message: message.to_owned(), help }
    }
}

/// Reads what is between the two `---`.
pub(super) fn read(block: &str) -> Result<Fields, Broken> {
    let mut at = 0;
    let lines: Vec<Line<'_>> = block
        .split_inclusive('\n')
        .map(|raw| {
            let line = Line { at, text: raw.trim_end_matches(['\n', '\r']) };
            at += raw.len();
            line
        })
        .collect();
    let meaningful = |line: &&Line<'_>| !line.is_blank() && !line.is_comment();
    let base = lines.iter().find(meaningful).map_or(0, Line::indent);
    Reader { lines: &lines, next: 0, base }.fields()
}

struct Reader<'l, 't> {
    lines: &'l [Line<'t>],
    next: usize,
    /// How far the top-level keys are indented.
    base: usize,
}

const QUOTE_IT: &str = "put the value in quotes, or after `|` on lines of their own";
const KEY_VALUE: &str = "each line is `key: value`; what belongs to the line above is indented";

impl<'t> Reader<'_, 't> {
    fn fields(mut self) -> Result<Fields, Broken> {
        let mut fields = Vec::new();
        while let Some(line) = self.lines.get(self.next).copied() {
            self.next += 1;
            if line.is_blank() || line.is_comment() {
                continue;
            }
            let content = line.text.trim_start_matches(' ');
            if content.starts_with(['{', '?']) && line.indent() == self.base {
                // A table in braces or explicit keys: nobody writes them here, YAML allows them.
                return Ok(vec![
                    ("name".to_owned(), Scalar::SomeText),
                    ("description".to_owned(), Scalar::SomeText),
                ]);
            }
            if line.indent() != self.base || content.starts_with('\t') {
                return Err(line.broken("this line is indented, and belongs to nothing above it", KEY_VALUE));
            }
            let Some((key, value)) = key_value(content) else {
                return Err(line.broken("this line of the frontmatter is no `key: value`", KEY_VALUE));
            };
            let key = key.trim().trim_matches(['"', '\'']).to_owned();
            let value = self.value(line, value.trim())?;
            fields.push((key, value));
        }
        Ok(fields)
    }

    /// The following lines that belong to the current key, blank ones between them included.
    fn indented(&mut self) -> Vec<Line<'t>> {
        let from = self.next;
        let belongs = |line: &Line<'_>| {
            line.is_blank()
                || line.indent() > self.base
                || line.text.trim_start_matches(' ').starts_with('\t')
        };
        let count = self.lines[from..].iter().take_while(|line| belongs(line)).count();
        self.next += count;
        self.lines[from..self.next].to_vec()
    }

    fn value(&mut self, line: Line<'t>, value: &'t str) -> Result<Scalar, Broken> {
        if let Some(rest) = tagged(value) {
            return if rest.is_empty() { Ok(Scalar::Null) } else { self.value(line, rest) };
        }
        match value.chars().next() {
            None | Some('#') => Ok(self.nested()),
            Some('|' | '>') if is_block_header(value) => self.block(),
            Some(quote @ ('"' | '\'')) => self.quoted(line, value, quote),
            Some('[' | '{') => self.flow(line, value),
            Some('*') if !value[1..].contains(char::is_whitespace) && value.len() > 1 => Ok(Scalar::SomeText),
            Some(first) => self.plain(line, value, first),
        }
    }

    /// `key:` alone: nothing, a list, a table, or text on the next line.
    fn nested(&mut self) -> Scalar {
        let is_item =
            |line: &Line<'_>| line.text.trim_start() == "-" || line.text.trim_start().starts_with("- ");
        let mut below = self.indented();
        // List items may stand right below their key.
        while self.lines.get(self.next).is_some_and(|line| is_item(line) && line.indent() == self.base) {
            below.extend(self.lines.get(self.next).copied());
            self.next += 1;
            below.extend(self.indented());
        }
        match below.iter().find(|line| !line.is_blank() && !line.is_comment()) {
            None => Scalar::Null,
            Some(line) if is_item(line) => Scalar::Other("a list"),
            Some(line) if line.text.trim_start().starts_with(['"', '\'', '|', '>']) => Scalar::SomeText,
            Some(line) if key_value(line.text.trim_start()).is_some() => Scalar::Other("a table"),
            Some(_) => Scalar::SomeText,
        }
    }

    /// `|` or `>`: the first line's indentation is the block's.
    fn block(&mut self) -> Result<Scalar, Broken> {
        let lines = self.indented();
        let mut filled = lines.iter().filter(|line| !line.is_blank());
        let Some(first) = filled.next() else { return Ok(Scalar::Null) };
        match filled.find(|line| line.indent() < first.indent()) {
            Some(line) => {
                Err(line.broken("this line is indented less than the text it belongs to", KEY_VALUE))
            }
            None => Ok(Scalar::SomeText),
        }
    }

    fn quoted(&mut self, line: Line<'t>, value: &'t str, quote: char) -> Result<Scalar, Broken> {
        let mut text = value.to_owned();
        for more in self.indented() {
            text.push('\n');
            text.push_str(more.text.trim());
        }
        let Some((content, rest)) = unquote(&text, quote) else {
            return Err(line.broken("a quoted value is not closed, or has an escape that is none", QUOTE_IT));
        };
        if !is_comment_or_blank(rest) {
            return Err(line.broken("something follows a quoted value", QUOTE_IT));
        }
        Ok(Scalar::Text(content))
    }

    /// `[…]` or `{…}`: brackets outside quotes are counted, no more.
    fn flow(&mut self, line: Line<'t>, value: &'t str) -> Result<Scalar, Broken> {
        let mut text = value.to_owned();
        for more in self.indented() {
            text.push(' ');
            text.push_str(more.text.trim());
        }
        match after_flow(&text) {
            Some(rest) if is_comment_or_blank(rest) => {
                Ok(Scalar::Other(if value.starts_with('[') { "a list" } else { "a table" }))
            }
            Some(_) => Err(line.broken("something follows the closing bracket", QUOTE_IT)),
            None => Err(line.broken("a bracket is not closed", QUOTE_IT)),
        }
    }

    fn plain(&mut self, line: Line<'t>, value: &'t str, first: char) -> Result<Scalar, Broken> {
        let alone = value.len() == 1 || value[first.len_utf8()..].starts_with([' ', '\t']);
        if matches!(first, '%' | '@' | '`' | '*' | ']' | '}' | '|' | '>')
            || (matches!(first, '-' | '?') && alone)
        {
            return Err(line.broken(&format!("a value can't begin with `{first}`"), QUOTE_IT));
        }
        let (mut text, mut ended) = (uncommented(value).to_owned(), uncommented(value) != value);
        if has_colon(&text) {
            return Err(line.broken("a `:` in a value that is not in quotes", QUOTE_IT));
        }
        for more in self.indented().iter().filter(|line| !line.is_blank()) {
            if more.is_comment() {
                ended = true;
                continue;
            }
            let content = uncommented(more.text.trim());
            if ended || has_colon(content) {
                let message =
                    if ended { "text after a comment" } else { "a `:` in a value that is not in quotes" };
                return Err(more.broken(message, QUOTE_IT));
            }
            text = format!("{text} {content}");
        }
        Ok(typed(&text))
    }
}

/// Splits at the first `:` that ends a key.
fn key_value(line: &str) -> Option<(&str, &str)> {
    if line.starts_with("- ") || line == "-" {
        return None;
    }
    let ends = |at: &usize| line[at + 1..].is_empty() || line[at + 1..].starts_with([' ', '\t']);
    let at = line.match_indices(':').map(|(at, _)| at).find(ends)?;
    Some((&line[..at], &line[at + 1..]))
}

/// What follows an anchor or a tag.
fn tagged(value: &str) -> Option<&str> {
    let is = value.starts_with(['&', '!']) && value.len() > 1;
    is.then(|| value.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim()))
}

fn is_block_header(value: &str) -> bool {
    let (header, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    header[1..].chars().all(|c| matches!(c, '+' | '-' | '1'..='9'))
        && header.len() <= 3
        && is_comment_or_blank(rest)
}

fn is_comment_or_blank(rest: &str) -> bool {
    let text = rest.trim_start();
    text.is_empty()
        || (text.starts_with('#') && (text.len() < rest.len() || rest.is_empty()))
        || rest.starts_with('#')
}

/// A value up to its comment.
fn uncommented(value: &str) -> &str {
    let comment = value.match_indices('#').find(|(at, _)| value[..*at].ends_with([' ', '\t']));
    comment.map_or(value, |(at, _)| value[..at].trim_end())
}

fn has_colon(text: &str) -> bool {
    text.contains(": ") || text.contains(":\t") || text.ends_with(':')
}

/// The content of a quoted value, and what follows the closing quote.
fn unquote(text: &str, quote: char) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            let doubled = quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == quote);
            if !doubled {
                return Some((content, &text[at + 1..]));
            }
            chars.next();
        }
        if c == '\\' && quote == '"' {
            let (_, escaped) = chars.next()?;
            if !"0abt\tnvfre \"/\\N_LPxuU\n".contains(escaped) {
                return None;
            }
            content.push(if escaped == 'n' { '\n' } else { escaped });
        } else {
            content.push(c);
        }
    }
    None
}

/// What follows the bracket that closes the first one.
fn after_flow(text: &str) -> Option<&str> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if text[..at].ends_with([' ', ',', '[', '{', ':']) => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(&text[at + 1..]);
        }
    }
    None
}

/// The type YAML gives a plain value.
fn typed(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Scalar::Other("a boolean"),
        text if is_number(text) => Scalar::Other("a number"),
        text => Scalar::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    let digits = |prefix: &str, radix: u32| {
        lower
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    let decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.chars().all(|c| c.is_ascii_digit() || "eE.+-".contains(c))
        && unsigned.parse::<f64>().is_ok();
    matches!(lower.as_str(), ".inf" | ".nan") || digits("0x", 16) || digits("0o", 8) || decimal
}
