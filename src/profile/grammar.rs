//! The profile's grammar: which keys each table takes, what their values look like, and what they are for.
//!
//! One set of tables for all who need it: [`check`](super::check) refuses by them, `runtime` renders in
//! their order, and [`schema`](mod@super::schema) says them to editors.

/// The newest profile format this program reads.
pub const FORMAT: i64 = 1;

/// A key of a closed table.
pub(super) struct Field {
    pub name: &'static str,
    pub shape: Shape,
    /// What it is for, as an editor shows it.
    pub about: &'static str,
}

/// What a value must look like.
pub(super) enum Shape {
    /// A string that is not empty.
    Text,
    /// Any string.
    AnyText,
    /// As the client's: a string, several tools in one.
    Matcher,
    Bool,
    /// An integer from and to.
    Integer(i64, i64),
    /// A number ≥ 0.
    Number,
    /// A number > 0.
    Positive,
    Texts,
    /// Texts that name profiles.
    Profiles,
    OneOf(&'static [&'static str]),
    /// One of the client's events, or a list of them.
    Events,
    /// A table with these keys and no others.
    Table(&'static [Field]),
    /// A table of names, each with a table of these keys.
    Named(&'static [Field]),
    /// Entries of the client's settings file.
    Settings,
    /// Settings that are not to be there: a table of them, or a list of dotted keys.
    Unset,
    /// Conditions, each with a table of sections.
    Conditions,
    /// A string that is not empty, or where to find it.
    Secret,
    /// A list of those.
    Secrets,
    /// A table of strings, or where to find them.
    TextTable,
    /// MCP servers, by name: what is known of one, and what else the client takes.
    Servers(&'static [Field]),
    /// The client's own.
    Free,
}

const fn field(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, about }
}

const INSTALL_MODES: &[&str] = &["link", "copy"];

/// The hooks that ship inside `cs`.
pub const BUILTIN_HOOKS: [&str; 3] = ["context-enhancer", "intelligent-optimizer", "learning-collector"];

/// The agents that ship with `cs`.
pub(super) const BUNDLED_AGENTS: [&str; 3] = ["learning-analyst", "hpc-advisor", "troubleshooting-detective"];

static HOOK: &[Field] = &[
    field("event", Shape::Events, "When it runs: one of Claude Code's events, or a list of them."),
    field(
        "matcher",
        Shape::Matcher,
        "The tools it runs for, as Claude Code writes them: \"Bash\", \"Edit|Write\", or a regular expression. \
         Without it: for all.",
    ),
    field(
        "source",
        Shape::Text,
        "A script, relative to this profile; it becomes hooks/NAME. It must be executable, and its interpreter \
         there. Give one of `source`, `builtin` and `command`.",
    ),
    field("builtin", Shape::OneOf(&BUILTIN_HOOKS), "A hook that ships inside cs."),
    field("command", Shape::Text, "A command for the shell; no file is installed."),
    field("args", Shape::Texts, "Arguments: `command` is then a program, run with them and without a shell."),
    field(
        "if",
        Shape::Text,
        "A permission rule, as \"Bash(git *)\": the hook runs only for calls that it fits. Looked at on tool \
         events only; on others such a hook never runs.",
    ),
    field("shell", Shape::OneOf(&["bash", "powershell"]), "The shell that runs `command`."),
    field("timeout", Shape::Positive, "Seconds, after which Claude Code stops it."),
    field(
        "on-failure",
        Shape::OneOf(&["block", "continue"]),
        "What becomes of the tool call when the hook itself fails: `block` stops it, `continue` lets it run.",
    ),
    field("status-message", Shape::Text, "What Claude Code shows while it runs."),
    field("async", Shape::Bool, "It runs in the background: Claude does not wait for it."),
    field(
        "async-rewake",
        Shape::Bool,
        "In the background, and Claude is told when it ends with exit code 2.",
    ),
    field(
        "shared",
        Shape::Bool,
        "In a project: it runs for everybody who has the repository, from .claude/settings.json and by \
         \"$CLAUDE_PROJECT_DIR\". For a `source` that lies in the project. Without it: for you alone, from \
         settings.local.json.",
    ),
    field(
        "mode",
        Shape::OneOf(INSTALL_MODES),
        "Whether its file is linked or copied into the root: linked, unless said otherwise, and copied in a project.",
    ),
];

/// `[mcp.NAME]`, in the order in which the client writes it.
pub(super) static SERVER: &[Field] = &[
    field(
        "type",
        Shape::OneOf(&["stdio", "http", "sse", "ws"]),
        "How it is spoken to; without it `stdio` or `http`.",
    ),
    field("command", Shape::Text, "The program that is started. Give this or `url`."),
    field("args", Shape::Secrets, "Its arguments."),
    field("env", Shape::TextTable, "Its environment; \"${NAME}\" is taken from Claude Code's own."),
    field("url", Shape::Secret, "Where it is. Give this or `command`."),
    field(
        "headers",
        Shape::TextTable,
        "Headers that are sent; \"${NAME}\" is taken from Claude Code's environment.",
    ),
    field("headersHelper", Shape::Text, "A command that prints headers."),
    field("oauth", Shape::Free, "How one logs in there, as Claude Code takes it."),
    field("timeout", Shape::Positive, "Milliseconds that a tool of it may take."),
    field("alwaysLoad", Shape::Bool, "Its tools are loaded from the start."),
];

static INSTALL: &[Field] = &[
    field(
        "source",
        Shape::Text,
        "The file, or for a skill the folder, relative to this profile. Give this or `text`.",
    ),
    field("text", Shape::AnyText, "The content itself. Give this or `source`."),
    field(
        "mode",
        Shape::OneOf(INSTALL_MODES),
        "Whether it is linked or copied into the root: linked, unless said otherwise, and copied in a project.",
    ),
];

/// [`INSTALL`], and what ships with `cs`.
static AGENT: &[Field] = &[
    field(
        "source",
        Shape::Text,
        "The file, relative to this profile. Give one of `source`, `text` and `builtin`.",
    ),
    field("text", Shape::AnyText, "The content itself."),
    field("builtin", Shape::OneOf(&BUNDLED_AGENTS), "An agent that ships with cs."),
    field(
        "mode",
        Shape::OneOf(INSTALL_MODES),
        "Whether it is linked or copied into the root: linked, unless said otherwise, and copied in a project.",
    ),
];

const VERDICTS: &[&str] = &["ask", "deny", "off"];

/// `[guard]`: per family what it answers, and what is left alone.
pub(super) static GUARD: &[Field] = &[
    field("default", Shape::OneOf(VERDICTS), "What every family answers that says nothing itself."),
    field(
        "filesystem",
        Shape::OneOf(VERDICTS),
        "Files deleted or overwritten outside the project, or where they can't be got back.",
    ),
    field("git", Shape::OneOf(VERDICTS), "History rewritten, and work thrown away that was not committed."),
    field("devices", Shape::OneOf(VERDICTS), "Disks, volumes and firmware overwritten."),
    field("permissions", Shape::OneOf(VERDICTS), "Modes, owners, accounts and firewalls changed."),
    field("databases", Shape::OneOf(VERDICTS), "Tables, databases, keys and queues dropped or emptied."),
    field(
        "containers",
        Shape::OneOf(VERDICTS),
        "Containers, images, volumes, virtual machines and resources of a cluster removed.",
    ),
    field(
        "cloud",
        Shape::OneOf(VERDICTS),
        "What is in a cloud, a registry or a forge deleted, opened or published.",
    ),
    field(
        "packages",
        Shape::OneOf(VERDICTS),
        "Packages removed, services and jobs stopped, the machine's own state changed.",
    ),
    field(
        "remote-code",
        Shape::OneOf(VERDICTS),
        "Code from the network, or that can't be read, run unseen; shells given away.",
    ),
    field("secrets", Shape::OneOf(VERDICTS), "Passwords, keys and tokens that would leave this machine."),
    field(
        "exceptions",
        Shape::Texts,
        "Rules that are never asked about, as \"filesystem/delete-outside-project\"; `cs guard check` names them.",
    ),
    field("paths", Shape::Texts, "Folders in which nothing is asked about: absolute, or below \"~\"."),
    field(
        "protected-paths",
        Shape::Texts,
        "Folders in which everything is asked about, even in the project.",
    ),
    field(
        "on-failure",
        Shape::OneOf(&["block", "allow"]),
        "What becomes of a tool call when the guard itself can't run: `block` stops it.",
    ),
];

/// What the learning runtime counts.
static COUNTERS: &[Field] = &[
    field("new-commands", Shape::Number, "Commands that were never seen here before."),
    field("failures", Shape::Number, "Commands that failed."),
    field("optimizations", Shape::Number, "Better ways that were found."),
    field("performance-shifts", Shape::Number, "Commands that take longer, or less long, than they did."),
    field("host-changes", Shape::Number, "What changed about this machine."),
    field(
        "security-events",
        Shape::Number,
        "What the guard asked about or refused. Unless you say, it is 0.",
    ),
];

static AGENT_THRESHOLD: &[Field] = &[
    field("threshold", Shape::Positive, "How much news there must be before the agent is suggested."),
    field("factors", Shape::Table(COUNTERS), "How much each kind of news counts for this agent."),
];

/// `[thresholds]`: how much news it takes before an agent is suggested.
pub(super) static THRESHOLDS: &[Field] = &[
    field("weights", Shape::Table(COUNTERS), "How much each kind of news weighs."),
    field("agents", Shape::Named(AGENT_THRESHOLD), "The agents that ship with cs, by name."),
];

/// `[learning]`.
pub(super) static LEARNING: &[Field] = &[
    field("enabled", Shape::Bool, "Whether the bundled hooks record anything; the guard works without it."),
    field("retention-days", Shape::Integer(1, 365), "Days after which what was learned is forgotten."),
    field(
        "streak-sessions",
        Shape::Integer(1, 100),
        "In how many sessions something must have failed before a note says so.",
    ),
    field(
        "host-type",
        Shape::OneOf(&["laptop", "desktop", "server", "hpc", "ci", "container"]),
        "What kind of machine this is; on a cluster (`hpc`) Claude is told at a session's start.",
    ),
];

/// `[mesh]`.
pub(super) static MESH: &[Field] = &[
    field(
        "git",
        Shape::Texts,
        "Repositories through which your hosts tell each other what they learned; each has a ref of its own there.",
    ),
    field(
        "ssh",
        Shape::Texts,
        "Hosts that are asked over ssh: names, addresses, or patterns (`lab-*`) of names in ~/.ssh/config.",
    ),
    field(
        "tailscale",
        Shape::Bool,
        "The machines of your tailnet that are online are asked, too; over ssh, like the others.",
    ),
];

/// The tables a profile has at its top and under each `[when."…"]`.
pub(super) static SECTIONS: &[Field] = &[
    field(
        "without",
        Shape::Texts,
        "What to leave out of the profiles that this one extends: \"hooks.NAME\", \"settings.model\", \
         \"settings.permissions.allow: Bash(curl:*)\".",
    ),
    field(
        "mode",
        Shape::OneOf(INSTALL_MODES),
        "Whether files are linked or copied, unless they say it themselves; without it linked, and copied in a \
         project.",
    ),
    field(
        "adopt",
        Shape::Bool,
        "What is there already, and as it is declared, is taken over: taken out of the profile, it goes. \
         `cs uninstall` leaves it.",
    ),
    field(
        "settings",
        Shape::Settings,
        "Entries of settings.json that are enforced: `cs apply` puts them back. Lists that are sets join what is \
         there already.",
    ),
    field(
        "defaults",
        Shape::Settings,
        "Entries written only where there is none; yours once you change them.",
    ),
    field(
        "unset",
        Shape::Unset,
        "Entries that are not to be there: `env.FOO = true`, `permissions.allow = [\"Bash(curl:*)\"]`.",
    ),
    field("hooks", Shape::Named(HOOK), "Hooks, by name. [hooks.NAME] becomes ~/.claude/hooks/NAME."),
    field("agents", Shape::Named(AGENT), "Agents, by name. [agents.NAME] becomes ~/.claude/agents/NAME.md."),
    field(
        "commands",
        Shape::Named(INSTALL),
        "Commands, by name. [commands.NAME] becomes ~/.claude/commands/NAME.md, and is called as /NAME.",
    ),
    field("skills", Shape::Named(INSTALL), "Skills, by name: folders with a SKILL.md in them."),
    field("rules", Shape::Named(INSTALL), "Rules, by name. [rules.NAME] becomes ~/.claude/rules/NAME.md."),
    field(
        "output-styles",
        Shape::Named(INSTALL),
        "Output styles, by name. [output-styles.NAME] becomes ~/.claude/output-styles/NAME.md.",
    ),
    field("files", Shape::Named(INSTALL), "Any other file or folder, by its path below ~/.claude."),
    field(
        "mcp",
        Shape::Servers(SERVER),
        "MCP servers, by name: into Claude Code's own ~/.claude.json, or a project's .mcp.json.",
    ),
    field("thresholds", Shape::Table(THRESHOLDS), "How much news it takes before an agent is suggested."),
    field(
        "guard",
        Shape::Table(GUARD),
        "What the bundled guard answers before a command that could lose something.",
    ),
    field("learning", Shape::Table(LEARNING), "What the bundled hooks record, and for how long."),
    field(
        "mesh",
        Shape::Table(MESH),
        "Where `cs mesh sync` looks for your other hosts. Whom it believes is what `cs trust` says, and nothing else.",
    ),
];

/// What only the top of a file takes.
pub(super) static TOP: &[Field] = &[
    field("format", Shape::Integer(1, i64::MAX), "The format this file is written in: 1."),
    field(
        "extends",
        Shape::Profiles,
        "Profiles to build on: files, relative to this one, \"builtin:NAME\", or \"git+URL#PATH\". Later wins, lists add \
         up.",
    ),
    field(
        "when",
        Shape::Conditions,
        "[when.\"os(linux) and host(login*)\"]: the same tables, where the condition holds. A condition is made \
         of os, arch, host, env, exists and command with and, or, not and parentheses.",
    ),
];
