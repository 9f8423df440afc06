//! `cs completions`: a script for the shell, made from the same arguments that are parsed.

use clap::{Arg, Command, CommandFactory as _};
use serde_json::json;

use super::args::{Cli, Common, CompletionsArgs, Shell};
use super::error::{CliError, exit};
use super::output::Output;

/// The generator leaves out what stands without a flag.
const FISH: &str = "complete -c cs -n \"__fish_cs_using_subcommand completions\" -f -a \"bash zsh fish\"\n";

/// Runs it.
///
/// # Errors
/// When it can't be printed.
pub fn run(common: &Common, args: &CompletionsArgs) -> Result<u8, CliError> {
    let out = Output::new(common);
    let mut script = Vec::new();
    // Every command's arguments, which otherwise are described once they are needed.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut command = visible(&command, true);
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    clap_complete::generate(shell, &mut command, "cs", &mut script);
    let mut script = String::from_utf8(script).expect("BUG: our own texts are UTF-8");
    if args.shell == Shell::Fish {
        script.push_str(FISH);
    }
    if out.json {
        out.object(&json!({"version": 1, "success": true, "shell": shell.to_string(), "script": script}));
    } else {
        out.document(&script)?;
    }
    Ok(exit::DONE)
}

/// Without what is hidden: the scripts would offer that, too. What the generator adds by itself is left to it.
fn visible(command: &Command, is_top: bool) -> Command {
    // Names of commands live for ever, and this process is about to end.
    let mut copy = Command::new(&*command.get_name().to_owned().leak());
    if let Some(about) = command.get_about() {
        copy = copy.about(about.clone());
    }
    if let (Some(version), true) = (command.get_version(), is_top) {
        copy = copy.version(&*version.to_owned().leak());
    }
    let is_offered = |arg: &&Arg| {
        let is_added = ["help", "version"].contains(&arg.get_id().as_str()) || arg.is_global_set() && !is_top;
        !arg.is_hide_set() && !is_added
    };
    let below = command.get_subcommands().filter(|command| !command.is_hide_set());
    copy.args(command.get_arguments().filter(is_offered))
        .subcommands(below.map(|command| visible(command, false)))
}
