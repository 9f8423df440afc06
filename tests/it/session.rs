//! Sessions at a terminal, written down and compared with `snapshots/`.

use crate::sandbox::{Ran, Sandbox};

/// A session at a terminal, written down for a snapshot: what was typed, what came back (from
/// stderr marked `2>`) and the exit code where it isn't 0.
pub struct Session<'a> {
    sandbox: &'a Sandbox,
    text: String,
}

impl<'a> Session<'a> {
    pub fn new(sandbox: &'a Sandbox) -> Self {
        Self { sandbox, text: String::new() }
    }

    /// What happens besides, as a comment.
    pub fn note(&mut self, text: &str) -> &mut Self {
        self.add(&format!("# {text}\n"))
    }

    /// Types `cs` with these arguments.
    pub fn cs(&mut self, args: &[&str]) -> &mut Self {
        self.ran(args, self.sandbox.cs(args))
    }

    /// What came of typing that, somewhere else.
    pub fn ran(&mut self, args: &[&str], ran: Ran) -> &mut Self {
        let Ran { code, out, err } = ran;
        let typed: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
        let err: String = err.lines().flat_map(|line| ["2> ", line, "\n"]).collect();
        let code = if code == 0 { String::new() } else { format!("=> exit {code}\n") };
        self.add(&format!("$ cs {}\n{out}{}{code}", typed.join(" "), err.replace("2> \n", "2>\n")))
    }

    fn add(&mut self, text: &str) -> &mut Self {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&self.sandbox.tidy(text));
        self
    }
}

impl std::fmt::Display for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// An argument as a person would have to type it.
fn quoted(arg: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,".contains(c);
    if arg.chars().all(is_plain) { arg.to_owned() } else { format!("'{arg}'") }
}

/// Snapshots lie beside `src` and `tests`, where people find and read them.
pub fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// Compares a session, or anything that can be shown, with `snapshots/NAME.snap`.
/// `INSTA_UPDATE=always cargo test` takes what is there now.
macro_rules! snapshot {
    ($name:expr, $shown:expr) => {
        $crate::session::snapshots().bind(|| insta::assert_snapshot!($name, $shown.to_string()))
    };
}
pub(crate) use snapshot;
