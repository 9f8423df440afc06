//! What `cs help` says beyond names and flags: commands by what one wants, examples, exit codes.
//!
//! All of it is constant: nothing is put together for a command that was not asked for help.

/// A heading, as clap writes its own; colour goes where there is no terminal.
macro_rules! heading {
    ($text:literal) => {
        concat!("\u{1b}[1m\u{1b}[4m", $text, "\u{1b}[0m\n")
    };
}

/// A command and what it does. A test compares them with what each says of itself.
macro_rules! row {
    ($name:literal, $pad:literal, $about:literal) => {
        concat!("  \u{1b}[1m", $name, "\u{1b}[0m", $pad, $about, "\n")
    };
}

/// The whole of `cs help`.
pub const TEMPLATE: &str = concat!(
    "{about-with-newline}\n{usage-heading} {usage}\n\n",
    heading!("Every day:"),
    row!("init", "         ", "Make a profile of what is there, in a folder of your dotfiles"),
    row!("plan", "         ", "Show what apply would change; changes nothing"),
    row!("apply", "        ", "Make it what the profile says, as a new generation"),
    row!(
        "update",
        "       ",
        "Move remote profiles to their newest commit, after a look at what that changes"
    ),
    row!("status", "       ", "One look: what is applied, what drifted, which hooks run"),
    row!("capture", "      ", "Write what changed outside cs back into the profile"),
    "\n",
    heading!("Looking closer:"),
    row!("why", "          ", "Say who owns an entry, since when, and where it is declared"),
    row!("diff", "         ", "Show what changed from one generation to another, or to the disk"),
    row!("verify", "       ", "Check that all is as written, and that Claude Code will load it"),
    row!("doctor", "       ", "Find what Claude Code would ignore or misread; changes nothing"),
    "\n",
    heading!("Going back:"),
    row!("generations", "  ", "List generations (each apply makes one); prune, pin, unpin"),
    row!("rollback", "     ", "Go back to an earlier generation (as a new one)"),
    row!("recover", "      ", "Finish or undo an apply that was interrupted"),
    row!("uninstall", "    ", "Let go of everything; what was there before comes back"),
    "\n",
    heading!("The bundled hooks:"),
    row!("guard", "        ", "Say what the guard makes of a command; runs nothing"),
    row!("stats", "        ", "How long the hooks take, beside their budgets"),
    row!("audit", "        ", "What the guard asked and refused, what became of keys and journals"),
    row!(
        "learn",
        "        ",
        "What was learned: import, show, export, forget; and what is kept of a command"
    ),
    row!("agents", "       ", "How much there is for an agent to look at, and what it was worth"),
    row!("keys", "         ", "The keys that everything learned is sealed with"),
    row!("mesh", "         ", "What your other hosts learned, and what this one tells them"),
    row!("trust", "        ", "The hosts whose word counts here"),
    row!("identity", "     ", "Which machine this is to others, and whether that lasts"),
    "\n",
    heading!("For your editor, fleet and shell:"),
    row!("schema", "       ", "Print the JSON Schema of profiles"),
    row!("build", "        ", "Print a profile as one file, for tools that roll it out to a fleet"),
    row!("completions", "  ", "Print completions for bash, zsh or fish"),
    row!("man", "          ", "Print the manual page, or write all of them into a folder"),
    row!("help", "         ", "Say more of a command: cs help COMMAND"),
    "\n",
    heading!("Options of every command:"),
    "{options}{after-help}",
);

/// Below everything.
pub const AFTER: &str = concat!(
    heading!("First steps:"),
    "  cs init ~/dotfiles/claude            a profile of what you have; changes nothing of it
  cs plan --profile builtin:default    what a first profile would change; changes nothing
  cs apply --profile builtin:default   changes it; from then on cs remembers the profile
  cs uninstall                         gives back every byte

",
    heading!("Exit codes:"),
    "   0  done, or nothing to do
   1  refused or failed, nothing changed
   2  usage
   3  changes pending (where --exit-code asks for it)
   4  another cs is at work
   5  an interrupted apply needs a decision
  70  a bug",
);

/// Of `cs plan`.
pub const PLAN: &str = concat!(
    heading!("Examples:"),
    "  cs plan --profile builtin:default   before anything is applied: what it would change
  cs plan                             the profile that was applied last
  cs plan --explain                   why, entry by entry
  cs plan --out today.plan            saved, to apply exactly that: cs apply today.plan
  cs plan --exit-code                 for scripts: 3 when something is pending

",
    heading!("How to read it:"),
    "  + - ~  what apply would create, remove and change; at the line's end, where it is declared
  !      drift: cs owns the entry, and something else changed it; apply puts it back",
);

/// Of `cs apply`.
pub const APPLY: &str = concat!(
    heading!("Examples:"),
    "  cs apply --profile ~/dotfiles/claude/claude-sync.toml
                                  the first time; from then on cs remembers the profile
  cs apply                        again: after a change to it, or to mend drift
  cs apply --yes                  without a question, as in a script
  cs apply --on-conflict backup   what is in the way is moved aside, and comes back one day
  cs apply today.plan             exactly what `cs plan --out` saved, or nothing
  cs apply --project              for the project here: ./.claude

Nothing is changed before all of it is staged. To go back: cs rollback",
);

/// Of `cs update`.
pub const UPDATE: &str = concat!(
    heading!("Examples:"),
    "  cs apply --profile git+https://example.org/dots#claude/claude-sync.toml
                         a profile from elsewhere: shown in full, and pinned to its commit
  cs update --dry-run    what came since, and what of the profile that changes
  cs update              the same, and moves the pin if you say yes
  cs update dots         only repositories with `dots` in their name

A branch or tag is named before the path: git+https://example.org/dots?ref=v2#profile.toml
Pins are in claude-sync.lock beside the profile that asks for them. cs apply applies.",
);

/// Of `cs rollback`.
pub const ROLLBACK: &str = concat!(
    heading!("Examples:"),
    "  cs generations   what there is to go back to
  cs diff 11       what changed between generation 11 and now
  cs rollback      to the one before the current
  cs rollback 11   to generation 11, as a new one: this, too, can be rolled back

It needs neither the profile nor the network, and leaves your own entries alone. Secrets are
looked up anew.",
);

/// Of `cs diff`.
pub const DIFF: &str = concat!(
    heading!("Examples:"),
    "  cs diff 11      from generation 11 to what is on the disk now
  cs diff 11 12   from generation 11 to 12",
);

/// Of `cs why`.
pub const WHY: &str = concat!(
    heading!("Examples:"),
    "  cs why model
  cs why permissions.allow 'Bash(cargo test:*)'
  cs why hooks/format-rust",
);

/// Of `cs generations prune`.
pub const PRUNE: &str = concat!(
    heading!("Examples:"),
    "  cs generations prune --keep 10
  cs generations prune --older-than 30d --keep 5   the newest five stay, whatever their age",
);

/// Of `cs uninstall`.
pub const UNINSTALL: &str = concat!(
    heading!("Examples:"),
    "  cs uninstall --dry-run   what would go, and what would come back
  cs uninstall             every file as it was; the generations stay, for a later apply
  cs uninstall --purge     they and everything learned go, too",
);

/// Of `cs mesh`.
pub const MESH: &str = concat!(
    heading!("Examples:"),
    "  cs mesh sync --ssh bee                  with a host, as ssh knows it; cs has to be there, too
  cs mesh sync --git git@example.org:you/mesh.git
                                          through a repository that hosts share
  cs mesh sync                            with all that [mesh] in the profile names
  cs mesh peers                           whom that means
  cs mesh status                          who has told what

",
    heading!("Before the first time, on each of the two:"),
    "  cs identity                             its fingerprint
  cs trust add FINGERPRINT NAME           that of the other one

What goes to and fro are counts of kinds of commands: no commands, no projects, no names.

sync ends with 0 where it went well with one peer at least, and with 1 where it went well with
none: a repository that takes nothing of this host is none. With 4, if another cs had the
repository all the time.",
);

/// Of `cs trust`.
pub const TRUST: &str = concat!(
    heading!("Examples:"),
    "  cs trust add SHA256:ObQ5eA8T3e5qDbmvcXEvG0zq1b0fJX1tPZ0Cr4CLdzM laptop
  cs trust list
  cs trust revoke laptop                  nothing that it ever told counts from now on

The list is a text, learning/trusted in the configuration folder; comments in it are yours.",
);

/// Of `cs guard check`.
pub const GUARD_CHECK: &str = concat!(
    heading!("Examples:"),
    "  cs guard check 'cd /srv && sudo rm -rf *'
  cs guard check --batch < commands.txt",
);

/// Of `cs agents`.
pub const AGENTS: &str = concat!(
    heading!("Examples:"),
    "  cs agents                                       how far each of the three is, and why
  cs agents brief learning-analyst                what it would read
  cs agents ack learning-analyst --useful no      it has looked; suggest it later next time

None is started by itself. Once there is enough, the next session is told that the agent can be
asked to look; [thresholds] in the profile says how much is enough.",
);

/// Of `cs schema`.
pub const SCHEMA: &str = concat!(
    heading!("In an editor:"),
    "  One that reads TOML by schemas (VS Code with Even Better TOML, and whatever else is built on
  taplo) completes a profile by it, explains its keys and underlines what is wrong:

    cs schema > ~/dotfiles/claude/claude-sync.schema.json

  and on the profile's first line:

    #:schema ./claude-sync.schema.json",
);

/// Of `cs build`.
pub const BUILD: &str = concat!(
    heading!("Examples:"),
    "  cs build --managed --profile builtin:team > managed-settings.json
  cs build --managed --profile fleet.toml --hooks-dir /usr/local/lib/cs/hooks \\
      --files rollout/hooks --out rollout/managed-settings.json
                 with hooks: these are files, and managed settings only name them

[settings] and [defaults] become one; conditions are judged on this machine; agents, commands
and other files are left out, and told. The same profile gives the same bytes.",
);

/// Of `cs completions`.
pub const COMPLETIONS: &str = concat!(
    heading!("To install them:"),
    "  cs completions bash > ~/.local/share/bash-completion/completions/cs
  cs completions zsh > \"${fpath[1]}/_cs\"
  cs completions fish > ~/.config/fish/completions/cs.fish",
);

/// Of `cs man`.
pub const MAN: &str = concat!(
    heading!("Examples:"),
    "  cs man | man -l -              to read it now
  cs man ~/.local/share/man/man1 for `man cs`, `man cs-plan`, …",
);

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::args::Cli;

    /// Every command that is not hidden is in the list, with its own words, and no other is.
    #[test]
    fn the_list_of_commands_is_the_one_there_is() {
        let mut command = Cli::command();
        let help = command.render_help().to_string();
        let listed: Vec<(&str, &str)> = help
            .lines()
            .skip_while(|line| *line != "Every day:")
            .take_while(|line| *line != "Options of every command:")
            .filter_map(|line| line.strip_prefix("  ")?.split_once("  "))
            .map(|(name, about)| (name, about.trim()))
            .collect();
        let about =
            |command: &clap::Command| command.get_about().map(ToString::to_string).unwrap_or_default();
        let there: Vec<(String, String)> = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set() && command.get_name() != "help")
            .map(|command| (command.get_name().to_owned(), about(command)))
            .collect();
        let there: Vec<(&str, &str)> =
            there.iter().map(|(name, about)| (name.as_str(), about.as_str())).collect();
        assert_eq!(listed.split_last().expect("commands").1, there);
    }

    /// What is constant is not wrapped, and terminals are 80 columns wide or so.
    #[test]
    fn no_line_of_help_is_too_long() {
        fn look(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                assert!(line.chars().count() <= 96, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(look);
        }
        let mut command = Cli::command();
        command.build();
        look(&command);
        for line in command.render_help().to_string().lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
