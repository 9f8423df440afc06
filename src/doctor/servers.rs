//! MCP servers, in `.mcp.json` and `~/.claude.json`.

use serde_json::Value;

use super::Finding;
use crate::document::Outline;
use crate::profile::World;

/// What each type of server needs; without a type it is one that is started.
const TYPES: &[(&str, &str)] = &[("stdio", "command"), ("http", "url"), ("sse", "url"), ("ws", "url")];

/// Servers that the client skips, and ones whose program is not there.
#[must_use]
pub fn check(outline: &Outline, world: &dyn World) -> Vec<Finding> {
    let Some(servers) = outline.value().get("mcpServers") else { return Vec::new() };
    let Some(servers) = servers.as_object() else {
        let finding = Finding::error("server-ignored", "mcpServers is no object, so there are no servers");
        return vec![
            finding.at(outline.place("mcpServers")).remedy("Write { \"NAME\": { \"command\": … } }"),
        ];
    };
    servers.iter().filter_map(|(name, server)| one(outline, name, server, world)).collect()
}

fn one(outline: &Outline, name: &str, server: &Value, world: &dyn World) -> Option<Finding> {
    let path = format!("mcpServers.{name}");
    let kind = server.get("type").and_then(Value::as_str).unwrap_or("stdio");
    // A type that came after this list was written is let pass.
    let (_, needs) = TYPES.iter().find(|(known, _)| *known == kind)?;
    let Some(value) = server.get(*needs).and_then(Value::as_str) else {
        let message = format!("the server {name:?} has no `{needs}`, so Claude Code skips it");
        let remedy = match server.get("url").filter(|_| server.get("type").is_none()) {
            Some(_) => {
                "Give it the type of what its url leads to (\"type\": \"http\"); or take it out.".to_owned()
            }
            None => format!("Give it a `{needs}`, a text; or take it out."),
        };
        return Some(Finding::error("server-ignored", message).at(outline.place(&path)).remedy(remedy));
    };
    // What is put in from the environment can't be told from here.
    if *needs != "command" || value.contains('$') || world.program(value) {
        return None;
    }
    let message = format!("the server {name:?} can't be started: there is no program {value:?}");
    let remedy = "Install it, or name it with its whole path.";
    let at = outline.place(&format!("{path}.command"));
    Some(Finding::warning("server-program-missing", message).at(at).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::super::hooks::tests::Memory;
    use super::*;

    #[test]
    fn servers_that_are_skipped_or_can_t_be_started_are_told() {
        let world = Memory::new(&[]).with_program("npx");
        let told = |text: &str| {
            let found = check(&Outline::parse(text).expect("valid"), &world);
            found.iter().map(|own| (own.code, own.place)).collect::<Vec<_>>()
        };
        assert_eq!(
            told(
                "{\"mcpServers\": {\"a\": {\"args\": []},\n\"b\": {\"command\": \"npx\"},\n\"c\": {\"command\": \"nope\"},\n\
                 \"d\": {\"type\": \"http\"}, \"e\": {\"type\": \"http\", \"url\": \"x\"}, \"f\": {\"type\": \"new\"},\n\
                 \"g\": {\"command\": \"${X}/y\"}}}"
            ),
            [
                ("server-ignored", Some((1, 17))),
                ("server-program-missing", Some((3, 7))),
                ("server-ignored", Some((4, 1))),
            ]
        );
        assert_eq!(told("{\"mcpServers\": []}"), [("server-ignored", Some((1, 2)))]);
        assert!(told("{}").is_empty());
    }
}
