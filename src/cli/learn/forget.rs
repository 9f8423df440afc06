//! `cs learn forget`: what is known goes, with the keys that could bring it back.

use std::path::Path;

use serde_json::json;

use super::known::is_same;
use super::store::{Store, failed};
use crate::cli::engine::Context;
use crate::cli::error::{CliError, exit, refused};
use crate::knowledge::fold::Change;
use crate::knowledge::numbers::{self, Of};
use crate::knowledge::snapshot::Snapshot;
use crate::knowledge::{imported, upkeep};
use crate::learn::{Form, Number, judge};
use crate::root::locate::normal;
use crate::sys::{clock, env};

/// What is to be forgotten.
enum Meant {
    Everything,
    Project(Number),
    Forms(Vec<Form>),
}

impl Change for Meant {
    fn change(&self, snapshot: &mut Snapshot) {
        match self {
            Self::Everything => snapshot.forget_all(),
            Self::Project(project) => snapshot.state.forget_project(*project),
            Self::Forms(forms) => {
                snapshot.forget_forms(|form| is_among(forms, form));
            }
        }
    }
}

fn is_among(forms: &[Form], form: &Form) -> bool {
    forms.iter().any(|meant| is_same(meant, form))
}

/// Runs it.
///
/// # Errors
/// When it is no command or no project, nobody says yes, or it can't be written.
pub fn run(context: &Context, command: Option<&str>, folder: Option<&Path>) -> Result<u8, CliError> {
    let store = Store::locate(context)?;
    let known = store.known()?;
    let (meant, words) = match (command, folder) {
        (Some(command), _) => {
            let forms = judge::forms_of(command);
            if forms.is_empty() {
                return Err(refused(
                    format!("`{command}` has no command in it that is learned from"),
                    "What is known: cs learn show.",
                ));
            }
            let words = forms.iter().map(|form| format!("`{form}`")).collect::<Vec<_>>().join(" and ");
            if !known.snapshot.knows(|form| is_among(&forms, form)) {
                let message = format!("Nothing is known of {words}, so there is nothing to forget.");
                context.out.line(&message);
                context.out.object(&json!({"version": 1, "success": true, "message": message}));
                return Ok(exit::DONE);
            }
            (Meant::Forms(forms), format!("what is known of {words}, in all projects"))
        }
        (None, Some(folder)) => {
            let folder = normal(&env::current_dir()?.join(folder));
            let name = Store::project_name(&folder);
            let number = known.numbers.as_ref().and_then(|numbers| numbers.find(Of::Project, &name));
            let shown = context.root.show(&folder);
            let number = number.ok_or_else(|| {
                refused(
                    format!("nothing is known of a project in {shown}"),
                    "Name the folder that Claude Code was started in.",
                )
            })?;
            (Meant::Project(number), format!("what is known of the project in {shown}"))
        }
        (None, None) => (Meant::Everything, "everything that was learned on this machine".to_owned()),
    };
    let question = format!("Forget {words}?");
    match context.common.yes.then_some(true).or_else(|| context.out.ask(&question)) {
        Some(true) => {}
        Some(false) => return Err(refused("nothing was forgotten", "Nothing was changed.")),
        None => {
            return Err(refused(
                "this wants a yes, and there is no terminal to ask on",
                format!("It would forget {words}. If that is meant, add --yes."),
            ));
        }
    }
    let (host, now) = (store.host()?, clock::now());
    let rules = store.rules();
    let is_all = matches!(meant, Meant::Everything);
    upkeep::with(&store.learning, &host, &rules, now, |ring| {
        if is_all {
            numbers::renew(&host, ring, now)?;
            imported::remove(&host)?;
        }
        Ok(meant)
    })
    .map_err(failed)?;
    // What the journals have of it is sealed under a key that goes with them now.
    host.rotate_now(now)?;
    for _ in 0..2 {
        upkeep::with(&store.learning, &host, &rules, now, |_| Ok(())).map_err(failed)?;
    }
    let message = format!("Forgotten: {words}.");
    context.out.line(&message);
    context.out.object(&json!({"version": 1, "success": true, "message": message}));
    Ok(exit::DONE)
}
