//! Files that become links, and links of the user's that make room for ours: what that means for whoever edits them.

use std::path::Path;

use super::mode_of;
use crate::model::{DocumentId, InstallMode};
use crate::plan::{DocumentPlan, Observation, Plan, TreeChange, TreeStep};
use crate::root::Root;
use crate::root::locate::normal;
use crate::sys::fs;

/// How much of what is there becomes a link to the same content; `None`: nothing.
#[must_use]
pub fn becoming(plan: &Plan) -> Option<String> {
    let all: Vec<&TreeStep> = plan.steps.iter().filter(|step| becomes_link(step, plan)).collect();
    let (links, files): (Vec<&TreeStep>, Vec<&TreeStep>) =
        all.into_iter().partition(|step| matches!(step.found, Observation::Link { .. }));
    let is_folder = |step: &&TreeStep| matches!(step.found, Observation::Tree { .. });
    let files = match (files.len(), files.iter().any(is_folder)) {
        (0, _) => None,
        (1, true) => Some("1 folder becomes a link to the same content".to_owned()),
        (1, false) => Some("1 file becomes a link to the same content".to_owned()),
        (number, true) => Some(format!("{number} files and folders become links to the same content")),
        (number, false) => Some(format!("{number} files become links to the same content")),
    };
    let links = match links.len() {
        0 => None,
        1 => Some("1 link of yours makes room for cs's".to_owned()),
        number => Some(format!("{number} links of yours make room for cs's")),
    };
    let told: Vec<String> = files.into_iter().chain(links).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// Whether what is there, with the declared content, makes room for a link to the same.
fn becomes_link(step: &TreeStep, plan: &Plan) -> bool {
    mode_of(plan, step) == Some(InstallMode::Link) && matches!(step.change, TreeChange::Adopt(_))
}

/// What becomes of a link of the user's that makes room for ours, and of edits where it leads. Nothing is said of one
/// that leads nowhere.
#[must_use]
pub fn behind(step: &TreeStep, plan: &Plan, root: &Root) -> Vec<String> {
    let is_replaced = matches!(step.change, TreeChange::MoveAside(_) | TreeChange::Adopt(_));
    let Observation::Link { target, digest: Some(_) } = &step.found else { return Vec::new() };
    let path = root.path.join(step.path.as_str());
    let Some(folder) = path.parent().filter(|_| is_replaced) else { return Vec::new() };
    let file = normal(&folder.join(target));
    let source = plan.state.installs.get(&step.path).and_then(|own| own.source.as_deref()).map(Path::new);
    let real = |path: &Path| fs::canonical(path).unwrap_or_else(|_| path.to_owned());
    let edits = match source {
        Some(source) if real(source) == real(&file) => {
            "it is what is declared: edits there reach Claude Code with the next cs apply".to_owned()
        }
        Some(source) if source.is_absolute() => {
            format!("edits there no longer reach Claude Code: edit {}", root.show(source))
        }
        _ => "edits there no longer reach Claude Code".to_owned(),
    };
    let stays =
        format!("your link led to {}, which stays; cs uninstall puts the link back", root.show(&file));
    vec![stays, edits]
}

/// Where a document is written that is a link of the user's.
#[must_use]
pub fn through(id: DocumentId, document: &DocumentPlan, root: &Root) -> Option<String> {
    let path = root.path.join(id.name());
    let target = fs::read_link(&path).ok().filter(|_| id.is_settings() && document.is_edit())?;
    let file = normal(&path.parent()?.join(target));
    Some(format!("it is a link of yours: what changes is {}, and the link stays", root.show(&file)))
}
