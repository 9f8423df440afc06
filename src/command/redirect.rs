//! Redirections, and the texts of here-documents.

use std::sync::Arc;

use super::read::Reader;
use super::state::State;
use super::word::Draft;
use super::{DEPTH_MAX, Redirect, RedirectKind, Simple, Word};

/// Redirections of one command.
const REDIRECTS_MAX: usize = 256;

impl Reader<'_> {
    /// Reads a redirection, if here is one.
    pub(super) fn redirect(&mut self, state: &mut State, simple: &mut Simple) -> bool {
        let digits = self.text.as_bytes()[self.at.min(self.text.len())..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let (at, fd) = (self.at, self.text[self.at..self.at + digits].parse().ok());
        self.at += digits;
        if digits == 0 && self.byte() == b'{' {
            // `{name}>file`
            let rest = &self.text[self.at + 1..];
            let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            if length > 0 && rest[length..].starts_with('}') && rest[length + 1..].starts_with(['<', '>']) {
                self.at += length + 2;
            }
        }
        let is_both = self.starts("&>");
        if is_both {
            self.at += 1;
        }
        let kind = match (self.byte(), self.ahead(1), self.ahead(2)) {
            // `&>(` is no substitution: the shell refuses it, and something has to be read on.
            (b'<' | b'>', b'(', _) if !is_both => {
                self.at = at;
                return false;
            }
            (b'<', b'<', b'<') => {
                self.at += 3;
                self.blanks();
                let start = self.at;
                simple.here = self.word_whole(state, start).map(Arc::new);
                return true;
            }
            (b'<', b'<', next) => {
                self.at += if next == b'-' { 3 } else { 2 };
                self.here_document(state, simple, next == b'-');
                return true;
            }
            (b'<', b'>', _) => (2, RedirectKind::Write),
            (b'<', b'&', _) => (2, RedirectKind::Duplicate),
            (b'<', ..) => (1, RedirectKind::Read),
            (b'>', b'>', _) => (2, RedirectKind::Append),
            (b'>', b'|', _) => (2, RedirectKind::Write),
            (b'>', b'&', next) if next.is_ascii_digit() || next == b'-' => (2, RedirectKind::Duplicate),
            (b'>', b'&', _) => (2, RedirectKind::Write),
            (b'>', ..) => (1, RedirectKind::Write),
            _ => {
                self.at = at;
                return false;
            }
        };
        self.at += kind.0;
        self.blanks();
        // No target, but a comment.
        if self.byte() == b'#' {
            return true;
        }
        let start = self.at;
        for target in self.word(state, start).finish().into_iter().take(4) {
            if simple.redirects.len() < REDIRECTS_MAX {
                simple.redirects.push(Redirect { fd, kind: kind.1, target });
            } else {
                state.script.is_undecided = true;
            }
        }
        true
    }

    /// The text of a here-document, which stands behind the end of this line.
    fn here_document(&mut self, state: &mut State, simple: &mut Simple, is_indented: bool) {
        self.blanks();
        let start = self.at;
        let is_quoted_by = |text: &str| text.contains(['\'', '"', '\\']);
        let mut draft = Draft::default();
        self.word_into(&mut State::default(), start, &mut draft, false);
        let is_quoted = is_quoted_by(&self.text[start..self.at]);
        let delimiter = draft.whole().swap_remove(0).text;
        let line_end = |at: usize| self.text[at..].find('\n').map_or(self.text.len(), |end| at + end + 1);
        let begin = self.resume.filter(|resume| *resume > self.at).unwrap_or_else(|| line_end(self.at));
        let (mut at, mut body_end) = (begin, self.text.len());
        while at < self.text.len() {
            let next = line_end(at);
            let line = self.text[at..next].trim_end_matches(['\n', '\r']);
            let line = if is_indented { line.trim_start_matches('\t') } else { line };
            if line == delimiter {
                body_end = at;
                at = next;
                break;
            }
            at = next;
        }
        self.resume = Some(at);
        let body = &self.text[begin..body_end.max(begin)];
        if is_quoted || !body.contains(['$', '`']) {
            simple.here = Some(Arc::new(Word { quoted_at: Some(0), ..Word::plain(body) }));
            return;
        }
        // Substitutions in it run; the rest is data.
        if body.len() > state.budget || state.depth >= DEPTH_MAX {
            state.script.is_undecided = true;
            simple.here = Some(Arc::new(Word::unknown()));
            return;
        }
        state.budget -= body.len();
        state.depth += 1;
        let mut reader = Reader::new(body);
        let mut draft = Draft::default();
        draft.quoted("");
        reader.quoted_into(state, &mut draft, false);
        state.depth -= 1;
        simple.here = Some(Arc::new(draft.whole().swap_remove(0)));
    }
}
