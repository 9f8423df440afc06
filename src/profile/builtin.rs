//! The profiles and the agents that ship with `cs`.

/// Name and text of each.
const BUILTINS: [(&str, &str); 6] = [
    ("default", include_str!("../../profiles/default.toml")),
    ("guarded", include_str!("../../profiles/guarded.toml")),
    ("hpc", include_str!("../../profiles/hpc.toml")),
    ("learning", include_str!("../../profiles/learning.toml")),
    ("minimal", include_str!("../../profiles/minimal.toml")),
    ("team", include_str!("../../profiles/team.toml")),
];

/// Name and text of each agent. The name is also the one in its frontmatter, by which the client knows it.
const AGENTS: [(&str, &str); 3] = [
    ("hpc-advisor", include_str!("../../templates/agents/hpc-advisor.md")),
    ("learning-analyst", include_str!("../../templates/agents/learning-analyst.md")),
    ("troubleshooting-detective", include_str!("../../templates/agents/troubleshooting-detective.md")),
];

/// The text of the agent `name` that ships with `cs`.
#[must_use]
pub(super) fn agent(name: &str) -> Option<&'static str> {
    AGENTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The text of the built-in profile `name`.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of the built-in profiles, sorted.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, _)| *name)
}
