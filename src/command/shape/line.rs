//! From commands that were read to their shapes.

use super::{Piece, Quoting, Runner, Shape, Structure, Word};
use crate::command::{self, RedirectKind, Script, Simple};

/// How a batch script speaks to its scheduler, and the program that it would be said to otherwise.
const DIRECTIVES: &[(&str, &str)] =
    &[("#SBATCH", "sbatch"), ("#PBS", "qsub"), ("#BSUB", "bsub"), ("#COBALT", "qsub"), ("#$", "qsub")];

impl Shape {
    /// The shape of a text. A scheduler's directive is a comment to everybody else.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let line = text.trim_start();
        let directive = DIRECTIVES.iter().find_map(|(mark, program)| {
            let rest = line.strip_prefix(mark)?;
            rest.starts_with([' ', '\t']).then(|| format!("{program}{rest}"))
        });
        let script = command::parse(text);
        match directive {
            Some(said) if script.commands.is_empty() => Self::of_script(&command::parse(&said)),
            _ => Self::of_script(&script),
        }
    }

    /// The shape of a script.
    #[must_use]
    pub fn of_script(script: &Script) -> Self {
        let commands = script.commands.iter().filter(|simple| !simple.is_aside);
        let owned: Vec<Parts<'_>> = commands.map(Parts::of).collect();
        let pieces: Vec<Piece<'_>> = owned.iter().map(Parts::piece).collect();
        Self::of(&pieces, structure(script))
    }

    /// The shape of one of a line's commands.
    #[must_use]
    pub fn of_simple(simple: &Simple) -> Self {
        Self::of(&[Parts::of(simple).piece()], Structure::default())
    }
}

struct Parts<'a> {
    words: Vec<Word<'a>>,
    files: Vec<Word<'a>>,
    runner: Option<Runner>,
}

impl<'a> Parts<'a> {
    fn of(simple: &'a Simple) -> Self {
        let files = simple.redirects.iter().filter(|redirect| redirect.kind != RedirectKind::Duplicate);
        let files = files.map(|redirect| word(&redirect.target)).collect();
        let is_own = !simple.as_typed.is_empty();
        let typed = if is_own { &simple.as_typed } else { &simple.words };
        let mut words: Vec<Word<'_>> = typed.iter().map(word).collect();
        if let (Some(first), Some(name)) = (words.first_mut(), typed.first()) {
            // `venv\\Scripts\\python`: a backslash that is meant is quoted, and all of it is a name.
            if first.quoting == Quoting::Rest && name.text.contains('\\') && name.holes.is_empty() {
                *first = Word::quoted(&name.text);
            }
        }
        Self { words, files, runner: simple.runner.filter(|_| !is_own) }
    }

    fn piece(&self) -> Piece<'_> {
        Piece { words: &self.words, runner: self.runner, files: &self.files }
    }
}

fn word(word: &command::Word) -> Word<'_> {
    match word.quoted_at {
        None => Word::bare(&word.text),
        Some(0) => Word::quoted(&word.text),
        Some(at) => Word::quoted_from(word.text.get(..at).unwrap_or_default()),
    }
}

fn structure(script: &Script) -> Structure {
    let commands = || script.commands.iter().filter(|simple| !simple.is_aside);
    let redirects = || commands().flat_map(|simple| &simple.redirects);
    let has = |kind| redirects().any(|redirect| redirect.kind == kind);
    let pipes = commands().filter(|simple| simple.reads.is_some()).count();
    Structure {
        pipes,
        lists: commands().count().saturating_sub(pipes + 1),
        has_input: has(RedirectKind::Read),
        has_output: has(RedirectKind::Write),
        has_append: has(RedirectKind::Append),
        has_error_output: redirects().any(|redirect| redirect.fd == Some(2)),
        has_here_document: commands().any(|simple| simple.here.is_some()),
        // A hole without a name is a value that was too long, or came in as data.
        has_assignment: script.sets_variables,
        has_substitution: commands()
            .flat_map(|simple| &simple.words)
            .any(|word| word.holes.iter().any(|hole| !hole.is_empty())),
        ..Structure::default()
    }
}
