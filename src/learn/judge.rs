//! Which of a line's commands its outcome tells about.
//!
//! The status of a line is that of the last of its lists; of a pipeline, that of its last command. A list of `&&`
//! that succeeded has succeeded throughout. One that failed has failed at one command, which is to blame if it is
//! the only one that could, or if what was printed names it; those before it have succeeded.

use super::Form;
use crate::command::shape::{Category, ErrorClass, Shape, Wrapper};
use crate::command::{self, Joined, Script, Simple, Site};
use crate::model::limits;

/// What became of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    pub form: Form,
    pub is_ok: bool,
    /// Whether a failure says something about the form, and not about what it was used on.
    pub teaches: bool,
}

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<'a> {
    Well,
    /// With what was printed, and the class of that.
    Badly {
        text: &'a str,
        class: ErrorClass,
    },
}

/// So much of what was printed is searched for the name of a command.
const TEXT_BYTES_MAX: usize = 400;

/// The commands that a line would run on its way to its status, in order: forms that may be spoken of before. None
/// of a text so long that reading it takes time.
#[must_use]
pub fn forms_of(line: &str) -> Vec<Form> {
    if line.len() > limits::GUARD_SHORT_BYTES_MAX {
        return Vec::new();
    }
    let script = command::parse(line);
    let list = last_list(&script);
    list.commands.iter().filter_map(|simple| form(simple)).collect()
}

/// What a command is known by, if that says where it acts, too: on another machine another program has its name.
fn form(simple: &Simple) -> Option<Form> {
    let wrapper = simple.runner.and_then(|runner| Wrapper::named(runner.tool.name()));
    let is_told = matches!(wrapper, Some(Wrapper::Container | Wrapper::Remote | Wrapper::Shielded));
    if simple.site == Site::Elsewhere && simple.as_typed.is_empty() && !is_told {
        return None;
    }
    Form::of(&Shape::of_simple(simple))
}

/// What the end of a line tells.
#[must_use]
pub fn judge(script: &Script, ended: Ended<'_>) -> Vec<Judged> {
    let list = last_list(script);
    // What follows `||` runs after a failure that counts for nothing.
    if list.has_or || list.is_background {
        return Vec::new();
    }
    let judged = |simple: &Simple, is_ok: bool, class: ErrorClass| {
        let form = form(simple)?;
        Some(Judged { form, is_ok, teaches: !is_ok && teaches(&form, class) })
    };
    match ended {
        Ended::Well => {
            list.commands.iter().filter_map(|simple| judged(simple, true, ErrorClass::Other)).collect()
        }
        Ended::Badly { text, class } => {
            let Some(at) = blamed(&list, text) else { return Vec::new() };
            let before =
                list.commands[..at].iter().filter_map(|simple| judged(simple, true, ErrorClass::Other));
            before.chain(judged(list.commands[at], false, class)).collect()
        }
    }
}

/// The list whose status is the line's.
#[derive(Default)]
struct List<'a> {
    /// The last command of each of its pipelines.
    commands: Vec<&'a Simple>,
    has_or: bool,
    is_background: bool,
    /// Something in it is no plain command.
    has_construct: bool,
    /// As [`command::Position::list`] has it.
    number: u32,
}

fn last_list(script: &Script) -> List<'_> {
    let mut list = List::default();
    let own = |simple: &&Simple| !simple.is_aside && !simple.words.is_empty();
    for simple in script.commands.iter().filter(own) {
        let position = simple.position;
        if position.level > 0 {
            // A construct behind `;` begins a list, as a command there does.
            if position.list > list.number {
                list = List { number: position.list, ..List::default() };
            }
            list.has_construct = true;
            continue;
        }
        // Of one pipeline with the one before.
        if simple.reads.is_some() && !list.commands.is_empty() {
            list.commands.pop();
            list.commands.push(simple);
            continue;
        }
        match position.joined {
            Joined::Then => list = List { number: position.list, ..List::default() },
            Joined::And => {}
            Joined::Or => list.has_or = true,
        }
        list.is_background = position.is_background;
        list.commands.push(simple);
    }
    list
}

fn blamed(list: &List<'_>, text: &str) -> Option<usize> {
    if list.commands.len() == 1 && !list.has_construct {
        return Some(0);
    }
    let text: String = text.chars().take(TEXT_BYTES_MAX).collect::<String>().to_ascii_lowercase();
    let is_named = |simple: &Simple| {
        let name = simple.program();
        let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
        name.len() > 1 && words.any(|word| word.trim_end_matches('.') == name)
    };
    let named: Vec<usize> = (0..list.commands.len()).filter(|at| is_named(list.commands[*at])).collect();
    if let [at] = named.as_slice() {
        return Some(*at);
    }
    // What only prepares hardly ever fails.
    let may_fail: Vec<usize> =
        (0..list.commands.len()).filter(|at| !is_preparation(list.commands[*at])).collect();
    match may_fail.as_slice() {
        [at] if !list.has_construct => Some(*at),
        _ => None,
    }
}

fn is_preparation(simple: &Simple) -> bool {
    matches!(
        simple.program().as_str(),
        "cd" | "export"
            | "source"
            | "."
            | "echo"
            | "printf"
            | "mkdir"
            | "set"
            | "pwd"
            | "sleep"
            | "true"
            | "touch"
    )
}

/// Whether a failure of this class says something about the form.
fn teaches(form: &Form, class: ErrorClass) -> bool {
    match class {
        // Of the machine, whatever the command was used on.
        ErrorClass::CommandNotFound => true,
        ErrorClass::ModuleNotFound
        | ErrorClass::UnknownOption
        | ErrorClass::NotARepository
        | ErrorClass::Connection
        | ErrorClass::Quota => form.is_whole(),
        ErrorClass::PermissionDenied | ErrorClass::Usage | ErrorClass::Other => {
            form.is_whole() && !is_about_its_object(form.category())
        }
        // Of what it was used on, or of the moment.
        ErrorClass::NoSuchFile | ErrorClass::Conflict | ErrorClass::TimeOut | ErrorClass::OutOfMemory => {
            false
        }
    }
}

/// Whether what worked next may be what was meant: of a failure that is not the answer to a question, nor about what
/// was built, tested or read.
#[must_use]
pub fn may_be_mended(form: &Form, class: ErrorClass) -> bool {
    let is_environmental = matches!(
        class,
        ErrorClass::CommandNotFound
            | ErrorClass::ModuleNotFound
            | ErrorClass::UnknownOption
            | ErrorClass::Usage
            | ErrorClass::NotARepository
    );
    match form.category() {
        Category::Search | Category::FileInspection | Category::TextProcessing | Category::Shell => {
            class == ErrorClass::CommandNotFound
        }
        Category::Build | Category::Test | Category::Lint | Category::Python | Category::Language => {
            is_environmental
        }
        _ => true,
    }
}

/// Commands that fail because of what they look at: that is what they are for.
fn is_about_its_object(category: Category) -> bool {
    matches!(
        category,
        Category::Build
            | Category::Test
            | Category::Lint
            | Category::Search
            | Category::FileInspection
            | Category::FileChange
            | Category::TextProcessing
            | Category::Python
            | Category::Language
            | Category::Shell
            | Category::LocalProgram
            | Category::Other
            | Category::Network
            | Category::VersionControl
            | Category::ScmHosting
            | Category::Process
            | Category::Debug
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::parse;

    fn told(line: &str, ended: Ended<'_>) -> String {
        let tell = |own: &Judged| format!("{}{}", if own.is_ok { '+' } else { '-' }, own.form);
        judge(&parse(line), ended).iter().map(tell).collect::<Vec<_>>().join(" | ")
    }

    fn well(line: &str) -> String {
        told(line, Ended::Well)
    }

    fn badly(line: &str, text: &str) -> String {
        told(line, Ended::Badly { text, class: ErrorClass::of(text, None) })
    }

    #[test]
    fn a_line_that_succeeded_tells_of_its_last_list() {
        assert_eq!(well("git fetch && git status"), "+git fetch | +git status");
        assert_eq!(well("git fetch; git status"), "+git status");
        assert_eq!(well("git fetch\ngit status"), "+git status");
        // Of a pipeline the last command's status is known.
        assert_eq!(well("pytest | tail"), "+tail");
        assert_eq!(well("cd x && pytest | tail && git status"), "+cd | +tail | +git status");
        // Whatever it came to.
        assert_eq!(well("pytest || true"), "");
        assert_eq!(well("pytest &"), "");
        assert_eq!(well("for x in a b; do pytest; done"), "");
        // What stands before a list that is a construct has a status that nobody sees.
        for line in
            ["pytest; for x in a; do b; done", "pytest; if a; then b; fi", "pytest; (a; b)", "pytest\n{ a; }"]
        {
            assert_eq!(well(line), "", "{line}");
        }
        assert_eq!(well("git fetch && for x in a; do b; done"), "+git fetch");
        assert_eq!(well("pytest; for x in a; do b; done && git status"), "+git status");
        assert_eq!(well("git fetch && echo $(a; b)"), "+git fetch | +echo");
        // What a text sends to the background, that stands in one of the line's words, is not the line.
        assert_eq!(well("git status && sh -c 'pytest & ls'"), "+git status | +sh -c");
        assert_eq!(well("git fetch && ruby -e 'a & b'"), well("git fetch && ruby -e 'a'"));
    }

    #[test]
    fn a_line_that_failed_has_one_to_blame_or_none() {
        assert_eq!(badly("pytest", ""), "-pytest");
        assert_eq!(badly("cd x && pytest", "E assert 1 == 2"), "+cd | -pytest");
        assert_eq!(badly("cd x && pytest", "bash: cd: x: No such file or directory"), "-cd");
        assert_eq!(
            badly("git fetch && npm ci && pytest", "bash: line 1: npm: command not found"),
            "+git fetch | -npm ci"
        );
        assert_eq!(badly("git fetch && pytest", "it went wrong"), "", "either");
        assert_eq!(badly("(git fetch) && pytest", "it went wrong"), "");
        assert_eq!(badly("pytest; for x in a; do b; done", "pytest: command not found"), "");
        assert_eq!(badly("npm ci; pytest", "x"), "-pytest");
        assert_eq!(badly("pytest || git fetch", "x"), "");
        assert_eq!(badly("frobnicate", "frobnicate: command not found"), "", "nothing tells it from others");
    }

    #[test]
    fn what_a_failure_is_about_decides_whether_it_teaches() {
        let teaches = |line: &str, text: &str| {
            let class = ErrorClass::of(text, None);
            judge(&parse(line), Ended::Badly { text, class }).last().is_some_and(|own| own.teaches)
        };
        for (line, text) in [
            ("pytest", "bash: pytest: command not found"),
            ("pytest -x", "ModuleNotFoundError: No module named 'x'"),
            ("sbatch --gpus=1 x.sh", "sbatch: command not found"),
            ("scancel --frob 1", "scancel: unrecognized option '--frob'"),
            ("module load gcc", "something else"),
        ] {
            assert!(teaches(line, text), "{line}: {text}");
        }
        for (line, text) in [
            ("pytest", "E assert 1 == 2"),
            ("grep x y", ""),
            ("git push", "! [rejected] main -> main (non-fast-forward)"),
            ("python3 a.py", "ModuleNotFoundError: No module named 'x'"),
            ("make all", "make: *** No rule to make target"),
            ("cat x", "cat: x: No such file or directory"),
            ("npm run frob", "sh: 1: vite: unknown option"),
        ] {
            assert!(!teaches(line, text), "{line}: {text}");
        }
    }

    #[test]
    fn what_runs_a_program_is_part_of_its_form() {
        assert_eq!(well("uv run pytest -x"), "+pytest --exitfirst (package runner)");
        assert_eq!(well("python3 -m pytest"), "+python -m pytest");
        assert_eq!(well("docker run --rm img rm x"), "+docker run --rm");
        // What a container is given is a name like any other, and the container's command stands for it.
        for given in ["rm x", "frob", "sudo x", "sudo frob", "sh -c 'a; b'", "docker ps"] {
            assert_eq!(
                well(&format!("docker run --rm -v a:b img {given}")),
                "+docker run --rm -v",
                "{given}"
            );
            assert_eq!(well(&format!("sudo docker exec c {given}")), "+docker exec (privilege)", "{given}");
            assert_eq!(badly(&format!("docker exec c {given}"), "it went wrong"), "", "either");
            assert_eq!(
                badly(&format!("docker exec c {given}"), "bash: docker: command not found"),
                "-docker exec"
            );
        }
        // Where it isn't said that it runs elsewhere, it would pass for the one that is here.
        assert_eq!(well("kubectl exec p -- git status"), "+git status (container)");
        assert_eq!(well("cd x && docker-compose exec web git status"), "+cd");
        assert_eq!(well("kubectl exec p -- sudo git status"), "");
        assert_eq!(well("sudo -u x apt-get install y"), "+apt-get install (privilege)");
        assert_eq!(well("timeout 5 git push --force"), "+git push --force");
        assert_eq!(well("srun ./mine"), "+srun (slurm)");
    }
}
