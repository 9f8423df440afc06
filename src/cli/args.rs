//! The command line as it is typed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};

use super::help;
use super::later::Later;
use crate::sys::fs;

/// Declarative configuration for Claude Code: say what you want, see the plan, apply it as a
/// numbered generation, go back.
#[derive(Debug, Parser)]
#[command(name = "cs", version, max_term_width = 100, propagate_version = true)]
#[command(help_template = help::TEMPLATE, after_help = help::AFTER)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Common {
    /// The profile: a file, builtin:NAME, or git+URL#PATH [default: the one applied last]
    #[arg(long, global = true, value_name = "PROFILE", value_hint = ValueHint::FilePath)]
    pub profile: Option<String>,
    /// The configuration folder.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        help = "The configuration folder [default: $CLAUDE_CONFIG_DIR, else ~/.claude]"
    )]
    pub root: Option<PathBuf>,
    /// Work on a project's .claude instead [default DIR: here]
    #[arg(long, global = true, value_name = "DIR", num_args = 0..=1, default_missing_value = ".", value_hint = ValueHint::DirPath)]
    pub project: Option<PathBuf>,
    /// Don't ask
    #[arg(long, short, global = true)]
    pub yes: bool,
    /// Print one JSON object for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only what went wrong
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Colours: auto (on a terminal), always, never
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, hide_default_value = true, hide_possible_values = true, value_name = "WHEN")]
    pub color: Color,
}

/// The words of a command line, where `--project` is followed by a folder only if one is meant: `cs --project plan`
/// and `cs why --project model` are about the project here.
#[must_use]
pub fn with_project(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let args: Vec<OsString> = args.collect();
    let is_meant = |at: usize| args.get(at + 1).is_some_and(|_| !is_spurned(&args, at + 1));
    let word = |(at, arg): (usize, &OsString)| match arg == "--project" && !is_meant(at) {
        true => OsString::from("--project=."),
        false => arg.clone(),
    };
    args.iter().enumerate().map(word).collect()
}

/// The word behind `--project` that was not taken for a folder.
#[must_use]
pub fn not_a_project(args: &[OsString]) -> Option<String> {
    let at = args.iter().position(|arg| arg == "--project=.")? + 1;
    let word = args.get(at)?.to_string_lossy().into_owned();
    (!word.starts_with('-') && !is_command(&word)).then_some(word)
}

/// Whether the word at `at`, behind `--project`, is none of its own.
fn is_spurned(args: &[OsString], at: usize) -> bool {
    let word = args[at].to_string_lossy();
    let has_command = args[1..at].iter().any(|arg| is_command(&arg.to_string_lossy()));
    if word.starts_with('-') || (is_command(&word) && !has_command) {
        return true;
    }
    let looks_like_one = word.contains('/') || matches!(&*word, "." | ".." | "~");
    let is_folder =
        || fs::stat(Path::new(&args[at])).ok().flatten().is_some_and(|stat| stat.kind == fs::Kind::Folder);
    !looks_like_one && !is_folder()
}

fn is_command(word: &str) -> bool {
    word == "help" || Cli::command().get_subcommands().any(|command| command.get_name() == word)
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// What to do, in the order of `cs help`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a profile of what is there, in a folder of your dotfiles
    Init(Later<InitArgs>),
    /// Show what apply would change; changes nothing
    #[command(after_help = help::PLAN)]
    Plan(Later<PlanArgs>),
    /// Make it what the profile says, as a new generation
    #[command(after_help = help::APPLY)]
    Apply(Later<ApplyArgs>),
    /// Move remote profiles to their newest commit, after a look at what that changes
    #[command(after_help = help::UPDATE)]
    Update(Later<UpdateArgs>),
    /// One look: what is applied, what drifted, which hooks run
    Status(Later<StatusArgs>),
    /// Write what changed outside cs back into the profile
    Capture(Later<CaptureArgs>),
    /// Say who owns an entry, since when, and where it is declared
    #[command(after_help = help::WHY)]
    Why(Later<WhyArgs>),
    /// Show what changed from one generation to another, or to the disk
    #[command(after_help = help::DIFF)]
    Diff(Later<DiffArgs>),
    /// Check that all is as written, and that Claude Code will load it
    Verify,
    /// Find what Claude Code would ignore or misread; changes nothing
    Doctor,
    /// List generations (each apply makes one); prune, pin, unpin
    Generations(Later<GenerationsArgs>),
    /// Go back to an earlier generation (as a new one)
    #[command(after_help = help::ROLLBACK)]
    Rollback(Later<RollbackArgs>),
    /// Finish or undo an apply that was interrupted
    Recover(Later<RecoverArgs>),
    /// Let go of everything; what was there before comes back
    #[command(after_help = help::UNINSTALL)]
    Uninstall(Later<UninstallArgs>),
    /// Say what the guard makes of a command; runs nothing
    Guard(Later<GuardArgs>),
    /// How long the hooks take, beside their budgets
    Stats(Later<StatsArgs>),
    /// What the guard asked and refused, what became of keys and journals
    Audit(Later<AuditArgs>),
    /// What was learned: import, show, export, forget; and what is kept of a command
    Learn(Later<LearnArgs>),
    /// How much there is for an agent to look at, and what it was worth
    #[command(after_help = help::AGENTS)]
    Agents(Later<AgentsArgs>),
    /// The keys that everything learned is sealed with
    Keys(Later<KeysArgs>),
    /// What your other hosts learned, and what this one tells them
    #[command(after_help = help::MESH)]
    Mesh(Later<MeshArgs>),
    /// The hosts whose word counts here
    #[command(after_help = help::TRUST)]
    Trust(Later<TrustArgs>),
    /// Which machine this is to others, and whether that lasts
    Identity(Later<IdentityArgs>),
    /// Print the JSON Schema of profiles
    #[command(after_help = help::SCHEMA)]
    Schema,
    /// Print a profile as one file, for tools that roll it out to a fleet
    #[command(after_help = help::BUILD)]
    Build(Later<BuildArgs>),
    /// Print completions for bash, zsh or fish
    #[command(after_help = help::COMPLETIONS)]
    Completions(Later<CompletionsArgs>),
    /// Print the manual page, or write all of them into a folder
    #[command(after_help = help::MAN)]
    Man(Later<ManArgs>),
    /// Run a bundled hook (Claude Code does this)
    #[command(hide = true)]
    Hook {
        /// context-enhancer, intelligent-optimizer or learning-collector
        name: String,
    },
}

/// `cs build`.
#[derive(Debug, Clone, Args)]
pub struct BuildArgs {
    /// As managed settings: for /etc/claude-code/managed-settings.json, or a file in managed-settings.d/
    #[arg(long, required = true)]
    pub managed: bool,
    /// The folder in which the hooks' scripts, and cs itself, will lie on every machine
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub hooks_dir: Option<PathBuf>,
    /// Collect what has to lie there in a folder of this machine
    #[arg(long, value_name = "DIR", requires = "hooks_dir", value_hint = ValueHint::DirPath)]
    pub files: Option<PathBuf>,
    /// Write it to a file [default: print it]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

/// `cs completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// For which shell: bash, zsh or fish
    #[arg(value_enum, hide_possible_values = true)]
    pub shell: Shell,
}

/// A shell that completes by a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// `cs man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Write every page into this folder, one for each command [default: print cs.1]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
}

/// `cs stats`.
#[derive(Debug, Clone, Args)]
pub struct StatsArgs {
    /// Exit with 1 when a hook is over its budget
    #[arg(long)]
    pub check: bool,
}

/// `cs audit`.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// At most so many entries, the newest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub most: usize,
}

/// `cs mesh`.
#[derive(Debug, Clone, Args)]
pub struct MeshArgs {
    #[command(subcommand)]
    pub command: Option<MeshCommand>,
}

/// What to do about other hosts.
#[derive(Debug, Clone, Subcommand)]
pub enum MeshCommand {
    /// Show which hosts have told what, and when
    Status,
    /// Show where other hosts may be found, by what the profile says; asks nobody
    Peers,
    /// Exchange with other hosts: over ssh, through a git repository; those of the profile, or these
    Sync(SyncArgs),
    /// Answer a host that asks; for `command=` in `authorized_keys`
    Serve {
        /// On standard input and output, the only way there is
        #[arg(long, required = true)]
        stdio: bool,
    },
}

/// `cs mesh sync`.
#[derive(Debug, Clone, Args)]
pub struct SyncArgs {
    /// A host, as ssh knows it; any number
    #[arg(long, value_name = "HOST")]
    pub ssh: Vec<String>,
    /// A repository; any number
    #[arg(long, value_name = "URL")]
    pub git: Vec<String>,
}

/// `cs trust`.
#[derive(Debug, Clone, Args)]
pub struct TrustArgs {
    #[command(subcommand)]
    pub command: Option<TrustCommand>,
}

/// What to do about whom is trusted.
#[derive(Debug, Clone, Subcommand)]
pub enum TrustCommand {
    /// Show the trusted hosts
    List,
    /// Trust a host, by the whole fingerprint that its `cs identity` shows
    Add {
        /// `SHA256:` and 43 letters
        #[arg(value_name = "FINGERPRINT")]
        fingerprint: String,
        /// What to call it
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Trust a host no more; what it told does not count any longer
    Revoke {
        /// Its name, or its whole fingerprint
        #[arg(value_name = "HOST")]
        host: String,
    },
}

/// `cs agents`.
#[derive(Debug, Clone, Args)]
pub struct AgentsArgs {
    #[command(subcommand)]
    pub command: Option<AgentsCommand>,
}

/// What to do about agents.
#[derive(Debug, Clone, Subcommand)]
pub enum AgentsCommand {
    /// Show how far each is from having enough to look at, and why
    Status,
    /// Print what an agent needs of what was learned: words of a fixed vocabulary, and numbers
    Brief {
        /// Which agent: learning-analyst, hpc-advisor or troubleshooting-detective
        #[arg(value_enum, value_name = "NAME", hide_possible_values = true)]
        name: AgentName,
    },
    /// Say that an agent has looked; what it was worth moves its threshold
    Ack {
        /// Which agent: learning-analyst, hpc-advisor or troubleshooting-detective
        #[arg(value_enum, value_name = "NAME", hide_possible_values = true)]
        name: AgentName,
        /// Whether it was of use: after a yes it is suggested sooner, after a no later
        #[arg(long, value_enum, value_name = "yes|no", hide_possible_values = true)]
        useful: Useful,
    },
}

/// An agent that ships with `cs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AgentName {
    LearningAnalyst,
    HpcAdvisor,
    TroubleshootingDetective,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Useful {
    Yes,
    No,
}

/// `cs init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The folder to make it in
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Begin with a profile that declares nothing yet
    #[arg(long)]
    pub empty: bool,
    /// Begin with one that builds on a profile that ships with cs
    #[arg(long, value_name = "builtin:NAME", conflicts_with = "empty")]
    pub from: Option<String>,
}

/// `cs capture`.
#[derive(Debug, Clone, Args)]
pub struct CaptureArgs {
    /// Keep everything, without asking about each
    #[arg(long)]
    pub all: bool,
    /// Keep what begins with this, or matches it (`*` stands for anything)
    #[arg(long, value_name = "PATTERN", conflicts_with = "all")]
    pub only: Vec<String>,
    /// Show what would be written; write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Offer everything that is declared nowhere, not only what came since cs is here
    #[arg(long)]
    pub undeclared: bool,
}

/// `cs plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// Say why, entry by entry, also for what stays
    #[arg(long)]
    pub explain: bool,
    /// Exit with 3 when something is pending
    #[arg(long)]
    pub exit_code: bool,
    /// Save the plan, for `cs apply FILE`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Show values that are secrets or look like some
    #[arg(long)]
    pub show_secrets: bool,
    /// Look up no secret: compare what is there with what was applied last
    #[arg(long, conflicts_with = "out")]
    pub no_secrets: bool,
    #[command(flatten)]
    pub conflict: ConflictArgs,
}

/// What `--on-conflict` says, wherever it may be said.
#[derive(Debug, Clone, Args)]
pub struct ConflictArgs {
    /// What to do about a path that exists and is not cs's: refuse, backup (it comes back), adopt
    /// (if it is identical), skip
    #[arg(long, value_enum, default_value_t = OnConflict::Refuse, hide_default_value = true, hide_possible_values = true, value_name = "WHAT")]
    pub on_conflict: OnConflict,
}

/// What to do about a path that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnConflict {
    Refuse,
    Backup,
    Adopt,
    Skip,
}

/// `cs update`.
#[derive(Debug, Clone, Args)]
pub struct UpdateArgs {
    /// Only repositories with this in their name [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Show what would change; move nothing
    #[arg(long)]
    pub dry_run: bool,
    /// A commit that you have read, whole: for scripts, where nobody can be asked
    #[arg(long, value_name = "COMMIT")]
    pub trust: Vec<String>,
}

/// `cs apply`.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// A plan that `cs plan --out` saved: apply exactly that, or refuse it as stale
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    pub plan: Option<PathBuf>,
    /// Show values that look like secrets
    #[arg(long)]
    pub show_secrets: bool,
    /// A commit of a remote profile that you have read, whole: for scripts, where nobody can be asked
    #[arg(long, value_name = "COMMIT")]
    pub trust: Vec<String>,
    /// In a project: have git ignore what is not to be committed (uninstall takes that back)
    #[arg(long)]
    pub gitignore: bool,
    #[command(flatten)]
    pub conflict: ConflictArgs,
    #[command(flatten)]
    pub durability: DurabilityArgs,
}

/// How safely to write.
#[derive(Debug, Clone, Args)]
pub struct DurabilityArgs {
    /// `none` skips fsync: for benchmarks, not for machines you care about
    #[arg(long, value_enum, default_value_t = Durability::Full, hide = true)]
    pub durability: Durability,
}

/// Whether to wait until the disk has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    Full,
    None,
}

/// `cs status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// One line, for a prompt or a status line
    #[arg(long)]
    pub short: bool,
    /// Exit with 3 when something has drifted or is pending
    #[arg(long)]
    pub exit_code: bool,
}

/// `cs generations`.
#[derive(Debug, Clone, Args)]
pub struct GenerationsArgs {
    #[command(subcommand)]
    pub command: Option<GenerationsCommand>,
}

/// What to do with them; nothing said is `list`.
#[derive(Debug, Clone, Subcommand)]
pub enum GenerationsCommand {
    /// List them, newest first
    List,
    /// Remove old ones; never the current, its parent, or a pinned one
    #[command(after_help = help::PRUNE)]
    Prune {
        /// Keep the newest N
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// Only those older than this: 30d, 12h, 2w
        #[arg(long, value_name = "AGE")]
        older_than: Option<String>,
    },
    /// Never prune this one
    Pin { generation: u64 },
    /// Let it be pruned again
    Unpin { generation: u64 },
}

/// `cs diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// The generation to start from
    pub a: u64,
    /// The one to end at, or `live` for what is on the disk now
    #[arg(default_value = "live")]
    pub b: String,
    /// Show values that look like secrets
    #[arg(long)]
    pub show_secrets: bool,
}

/// `cs rollback`.
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// The generation to go back to [default: the one before the current]
    pub generation: Option<u64>,
    /// Show values that look like secrets
    #[arg(long)]
    pub show_secrets: bool,
    #[command(flatten)]
    pub conflict: ConflictArgs,
    #[command(flatten)]
    pub durability: DurabilityArgs,
}

/// `cs why`.
#[derive(Debug, Clone, Args)]
pub struct WhyArgs {
    /// An entry (permissions.allow, model, hooks.PostToolUse), a path (hooks/format-rust), or a table
    /// of the profile (hooks.format-rust, agents.reviewer)
    pub key: String,
    /// For a list or hooks: the element or command
    pub value: Option<String>,
}

/// `cs recover`.
#[derive(Debug, Clone, Args)]
pub struct RecoverArgs {
    /// Undo it, even if it had arrived
    #[arg(long, conflicts_with = "forward")]
    pub back: bool,
    /// Finish it, even if it had not arrived
    #[arg(long)]
    pub forward: bool,
    #[command(flatten)]
    pub durability: DurabilityArgs,
}

/// `cs uninstall`.
#[derive(Debug, Clone, Args)]
pub struct UninstallArgs {
    /// Show what would go and come back
    #[arg(long)]
    pub dry_run: bool,
    /// Remove all generations and everything learned, too
    #[arg(long)]
    pub purge: bool,
    #[command(flatten)]
    pub durability: DurabilityArgs,
}

/// `cs identity`.
#[derive(Debug, Clone, Args)]
pub struct IdentityArgs {
    #[command(subcommand)]
    pub command: Option<IdentityCommand>,
}

/// What to do about it; nothing said is showing it.
#[derive(Debug, Clone, Subcommand)]
pub enum IdentityCommand {
    /// Enrol this machine; if its folder was copied from another, go on with it
    Adopt,
}

/// `cs keys`.
#[derive(Debug, Clone, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
}

/// What to do with them; nothing said is `status`.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// Show the ring: its epochs and where it is
    Status,
    /// Begin a new epoch now, as after a leak
    Rotate,
    /// Write the secret keys to a file
    Export {
        /// A file that is not there yet
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Yes: whoever has the file can read everything that was learned here
        #[arg(long)]
        unprotected: bool,
    },
    /// Put back a ring that was lost or damaged
    Restore {
        /// What `cs keys export` wrote
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

/// `cs guard`.
#[derive(Debug, Clone, Args)]
pub struct GuardArgs {
    #[command(subcommand)]
    pub command: GuardCommand,
}

/// What to do with the guard.
#[derive(Debug, Clone, Subcommand)]
pub enum GuardCommand {
    /// Say what it would answer to a command, and why; runs nothing
    #[command(after_help = help::GUARD_CHECK)]
    Check {
        /// The command, as Claude would run it
        #[arg(value_name = "COMMAND", required_unless_present = "batch", allow_hyphen_values = true)]
        command: Option<String>,
        /// Read commands from the input, one a line (`\n`, `\t`, `\\` escaped); print verdict, rule, command
        #[arg(long, conflicts_with = "command")]
        batch: bool,
    },
}

/// `cs learn`.
#[derive(Debug, Clone, Args)]
pub struct LearnArgs {
    #[command(subcommand)]
    pub command: LearnCommand,
}

/// What to do about learning.
#[derive(Debug, Clone, Subcommand)]
pub enum LearnCommand {
    /// Show what is kept of a command: nothing of what it says
    Shape {
        /// The command, as Claude would run it
        #[arg(value_name = "COMMAND", required_unless_present_any = ["batch", "bits"], allow_hyphen_values = true)]
        command: Option<String>,
        /// Read commands from the input, one a line (`\n`, `\t`, `\\` escaped); print an object for each
        #[arg(long, conflicts_with_all = ["command", "bits"])]
        batch: bool,
        /// Say how much a record can carry at most
        #[arg(long, conflicts_with = "command")]
        bits: bool,
    },
    /// Show what the commands of each category have come to be about, and how
    Schema {
        /// One category or sub-category only, by its name
        #[arg(value_name = "CATEGORY")]
        category: Option<String>,
        /// Show what has changed, the newest first
        #[arg(long)]
        history: bool,
        /// Undo a change, and what rests on it; it comes back once as much again speaks for it
        #[arg(long, value_name = "N", conflicts_with_all = ["category", "history"])]
        undo: Option<u32>,
    },
    /// Replay calls that happened, and say how good hints would have been
    Replay {
        /// A JSON object a line: `session`, `command`, `ok`, and `error_head`, the error's beginning
        #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
        trace: PathBuf,
        /// In how many sessions before a command must have failed
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=4))]
        sessions: u8,
        /// Count corrections as if they were shown
        #[arg(long)]
        shadow: bool,
    },
    /// Learn from what Claude Code has kept of earlier sessions; nothing that was said or written is kept
    Import {
        /// Another folder of transcripts, one folder in it for each project
        #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        from: Option<PathBuf>,
        /// Only say what there is
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what is known: what has been failing, what worked instead, and how each command does
    Show {
        /// Only what is known of this command
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
        /// Of all projects, not only of the one you are in
        #[arg(long)]
        all: bool,
    },
    /// Print all that is known as one JSON object: words of the vocabulary and numbers
    Export,
    /// Forget what is known of a command, of a project, or everything
    Forget {
        /// The command; without flags, with all of its flags
        #[arg(value_name = "COMMAND", required_unless_present_any = ["project_of", "all"])]
        command: Option<String>,
        /// The project in this folder
        #[arg(long = "of", value_name = "FOLDER", value_hint = ValueHint::DirPath, conflicts_with_all = ["command", "all"])]
        project_of: Option<PathBuf>,
        /// Everything that was learned
        #[arg(long, conflicts_with = "command")]
        all: bool,
    },
}
