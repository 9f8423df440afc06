//! Permission rules that the client takes for malformed.
//!
//! It drops such a rule when it rewrites the file, and what declares it would drift for ever. Only
//! what is wrong beyond doubt is remarked on: a tool nobody knows may come with the next release.

use super::suggest;

/// Lists whose elements are permission rules.
const LISTS: [&str; 3] = ["allow", "ask", "deny"];

/// Tools the client has, from the schema it publishes.
pub(super) const TOOLS: [&str; 30] = [
    "Agent",
    "Artifact",
    "Bash",
    "Cd",
    "Edit",
    "EnterWorktree",
    "ExitPlanMode",
    "Glob",
    "Grep",
    "KillShell",
    "LSP",
    "Monitor",
    "MultiEdit",
    "NotebookEdit",
    "PowerShell",
    "Read",
    "ShareOnboardingGuide",
    "Skill",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskOutput",
    "TaskStop",
    "TaskUpdate",
    "TodoWrite",
    "ToolSearch",
    "WebFetch",
    "WebSearch",
    "Workflow",
    "Write",
];

/// Names shorter than this are near to too many tools to guess which was meant.
const GUESS_BYTES_MIN: usize = 4;

/// What is wrong with a rule, and what it should say.
#[derive(Debug, PartialEq, Eq)]
pub struct Slip {
    pub why: &'static str,
    /// The rule that was probably meant.
    pub meant: Option<String>,
}

/// Whether the list at `pointer` holds permission rules.
pub(super) fn are_at(pointer: &[String]) -> bool {
    matches!(pointer, [permissions, list] if permissions == "permissions" && LISTS.contains(&list.as_str()))
}

/// What is clearly wrong with `rule`, if anything is.
pub(super) fn slip(rule: &str) -> Option<Slip> {
    let slip = |why, meant| Some(Slip { why, meant });
    if rule.trim().is_empty() {
        return slip("it is empty", None);
    }
    let (opened, closed) = (unescaped(rule, b'('), unescaped(rule, b')'));
    if opened != closed {
        let meant = (opened == closed + 1 && !rule.ends_with(')')).then(|| format!("{rule})"));
        return slip("its parentheses do not match", meant);
    }
    let (tool, rest) = rule.find('(').map_or((rule, ""), |at| rule.split_at(at));
    if rest.starts_with("()") {
        // Without them it would stand for every use of the tool: hardly what was meant.
        return slip("there is nothing between its parentheses", None);
    }
    if !tool.starts_with(|c: char| c.is_ascii_lowercase()) || tool.starts_with("mcp__") {
        return None;
    }
    let known = TOOLS.iter().copied();
    let same = known.clone().find(|known| known.eq_ignore_ascii_case(tool));
    let near = || suggest::nearest(tool, known).filter(|_| tool.len() >= GUESS_BYTES_MIN);
    let meant = same.or_else(near)?;
    slip("it names no tool: those begin with a capital", Some(format!("{meant}{rest}")))
}

/// How often `mark` stands in `rule` without a backslash before it.
fn unescaped(rule: &str, mark: u8) -> usize {
    let mut is_escaped = false;
    let is_it = |byte: u8| {
        let counts = byte == mark && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        counts
    };
    rule.bytes().map(is_it).filter(|counts| *counts).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_beyond_doubt_is_a_slip() {
        let good = [
            "Bash",
            "Bash(git commit -m \"(a)\")",
            "Bash(echo \\()",
            "Edit(/src/**/*.ts)",
            "Read(//Users/alice/secrets/**)",
            "WebFetch(domain:example.com)",
            "mcp__github",
            "mcp__github__search_repositories",
            "FutureTool(x)",
            "Bsh(ls)",
            "future(x)",
            "ls",
            "*",
        ];
        for rule in good {
            assert_eq!(slip(rule), None, "{rule}");
        }
        let meant = |rule: &str| slip(rule).unwrap_or_else(|| panic!("{rule} is a slip")).meant;
        assert_eq!(meant("Bash(ls"), Some("Bash(ls)".to_owned()));
        assert_eq!(meant("bash(ls:*)"), Some("Bash(ls:*)".to_owned()));
        assert_eq!(meant("webfech(domain:x.org)"), Some("WebFetch(domain:x.org)".to_owned()));
        for rule in ["", " ", "Bash()", "Bash(ls))", "Bash(echo \\)"] {
            assert_eq!(meant(rule), None, "{rule}");
        }
    }
}
