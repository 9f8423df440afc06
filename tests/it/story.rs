//! An everyday story for snapshots and pictures: somebody with a dotfiles folder, two versions of a
//! profile, and a client that changes something in between.

use crate::sandbox::Sandbox;

const REVIEWER: &str = "---
name: reviewer
description: Reviews changes before they are committed
tools: Read, Grep, Bash
---

Read the diff. Name what could break, and how to see it break.
";

/// A home where cs has never been, with settings of the user's own, and the first profile.
pub fn home() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write(
            ".claude/settings.json",
            r#"{
  "model": "sonnet",
  "permissions": {
    "allow": [
      "Bash(ls:*)",
      "Bash(git status:*)"
    ],
    "deny": [
      "Read(./.env)"
    ]
  },
  "theme": "dark"
}
"#,
        )
        .write("dotfiles/agents/reviewer.md", REVIEWER)
        .write("dotfiles/commands/old.md", "---\ndescription: What we did before\n---\nDo as before.\n")
        .profile(
            r#"
[settings]
env.RUST_LOG = "info"
permissions.allow = ["Bash(git log:*)", "Bash(git status:*)"]

[agents.reviewer]
source = "agents/reviewer.md"

[commands.old]
source = "commands/old.md"
"#,
        );
    sandbox
}

/// The second version of the profile: a hook and a permission more, a command less, another agent,
/// and an opinion on the model.
pub fn change_profile(sandbox: &Sandbox) {
    sandbox
        .script("dotfiles/hooks/format-rust.sh", "#!/bin/sh\nexec cargo fmt\n")
        .write(
            "dotfiles/agents/reviewer.md",
            REVIEWER.replace(
                "Name what could break",
                "Say first whether it is right. Then name what could break",
            ),
        )
        .profile(
            r#"
[settings]
env.RUST_LOG = "info"
model = "opus"
permissions.allow = ["Bash(git log:*)", "Bash(git status:*)", "Bash(cargo test:*)"]

[hooks.format-rust]
event = "PostToolUse"
matcher = "Edit|Write"
source = "hooks/format-rust.sh"

[agents.reviewer]
source = "agents/reviewer.md"
"#,
        );
}

/// Somebody, or the client, changes a value that cs wrote.
pub fn drift(sandbox: &Sandbox) {
    let settings = sandbox.read(".claude/settings.json");
    let changed = settings.replace("\"RUST_LOG\": \"info\"", "\"RUST_LOG\": \"debug\"");
    assert_ne!(changed, settings, "nothing to change: {settings}");
    sandbox.write(".claude/settings.json", changed);
}
