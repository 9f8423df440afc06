//! The command line: arguments as typed, requests as meant, one file per command.

pub mod agents;
pub mod apply;
pub mod args;
pub mod audit;
pub mod build;
pub mod capture;
pub mod completions;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod found;
pub mod generations;
pub mod gitignore;
pub mod guard;
pub mod help;
pub mod hint;
pub mod identity;
pub mod init;
pub mod keys;
pub mod later;
mod learn;
mod learning;
pub mod man;
pub mod mesh;
pub mod news;
pub mod output;
pub mod plan;
pub mod recover;
pub mod remote;
pub mod schema;
mod schema_learned;
pub mod secrets;
pub mod show;
pub mod sound;
pub mod stats;
pub mod status;
pub mod trust;
pub mod uninstall;
pub mod why;
pub mod world;

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use self::args::{Cli, Command, Common};
use self::engine::Context;
use self::error::{CliError, Report, exit};
use self::output::{Output, paint, style};
use crate::root::Root;
use crate::sys::env;

/// Runs the command line; the exit code.
#[must_use]
pub fn main(args: impl Iterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args::with_project(args);
    let cli = match parse(&args) {
        Ok(cli) => cli,
        Err(error) => return misused(&args, &error),
    };
    let out = Output::new(&cli.common);
    let common = cli.common.clone();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            fail(out, &common, &error);
            error.code()
        }
    }
}

/// The arguments as meant.
fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(args);
    let cli = matches.and_then(|mut matches| {
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    });
    // The process does not outlive its one command line: taking the description apart is work for nobody.
    std::mem::forget(command);
    cli
}

/// Help, or a command line that is none; also that has an object for programs.
fn misused(args: &[OsString], error: &clap::Error) -> u8 {
    let _ = error.print();
    if !error.use_stderr() {
        return exit::DONE;
    }
    if let Some(word) = args::not_a_project(args) {
        let text = format!(
            "\nAfter --project comes a folder that is there, or nothing for the one you are in; `{word}` is none \
             and was taken for an argument.\n"
        );
        let _ = std::io::Write::write_all(&mut anstream::stderr(), text.as_bytes());
    }
    let json = args.iter().any(|arg| arg == "--json");
    let text = error.to_string();
    // Up to the empty line: what is missing stands below what is said of it.
    let words: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let message = words.join(" ").trim_start_matches("error: ").to_owned();
    Output { json, quiet: false, verbose: false }.object(&CliError::Usage(message).json(None));
    exit::USAGE
}

fn run(cli: Cli) -> Result<u8, CliError> {
    let Cli { common, command } = cli;
    if let Command::Hook { name } = &command {
        return Ok(crate::hook::main(name));
    }
    if common.root.is_some() && common.project.is_some() {
        return Err(CliError::Usage(
            "--root and --project both say which folder this is about: give one of the two".to_owned(),
        ));
    }
    // These work also where there is no root.
    match &command {
        Command::Guard(args) => return guard::run(&common, args),
        Command::Learn(args) => return learn::run(&common, args),
        Command::Schema => return schema::run(&common),
        Command::Completions(args) => return completions::run(&common, args),
        Command::Man(args) => return man::run(&common, args),
        _ => {}
    }
    let context = Context::new(common)?;
    match command {
        Command::Init(args) => init::run(&context, &args),
        Command::Plan(args) => plan::run(&context, &args),
        Command::Apply(args) => apply::run(&context, &args),
        Command::Update(args) => remote::update(&context, &args),
        Command::Status(args) => status::run(&context, &args),
        Command::Generations(args) => generations::run(&context, &args),
        Command::Diff(args) => generations::diff(&context, &args),
        Command::Rollback(args) => generations::rollback(&context, &args),
        Command::Capture(args) => capture::run(&context, &args),
        Command::Why(args) => why::run(&context, &args),
        Command::Verify => status::verify(&context),
        Command::Doctor => doctor::run(&context),
        Command::Recover(args) => recover::run(&context, &args),
        Command::Uninstall(args) => uninstall::run(&context, &args),
        Command::Stats(args) => stats::run(&context, &args),
        Command::Audit(args) => audit::run(&context, &args),
        Command::Identity(args) => identity::run(&context, &args),
        Command::Agents(args) => agents::run(&context, &args),
        Command::Keys(args) => keys::run(&context, &args),
        Command::Mesh(args) => mesh::run(&context, &args),
        Command::Trust(args) => trust::run(&context, &args),
        Command::Build(args) => build::run(&context, &args),
        Command::Guard(_)
        | Command::Learn(_)
        | Command::Schema
        | Command::Completions(_)
        | Command::Man(_) => {
            unreachable!("BUG: done above, without a root")
        }
        Command::Hook { .. } => unreachable!("BUG: hooks were run above"),
    }
}

/// The root that a command was about.
fn root(common: &Common) -> Option<Root> {
    Root::locate(common.root.as_deref(), common.project.as_deref()).ok()
}

fn fail(out: Output, common: &Common, error: &CliError) {
    let home = env::home();
    let carry = |hints: Vec<String>| {
        hints.iter().map(|hint| hint::carry(common, home.as_deref(), hint)).collect::<Vec<_>>()
    };
    if out.json {
        let mut object = error.json(home.as_deref());
        object["hints"] = carry(error.report(home.as_deref()).hints).into();
        if let (CliError::Taken { plan, .. }, Some(root)) = (error, root(common)) {
            object["plan"] = show::plan_json(plan, &root, false);
            object["conflicts"] = object["plan"]["conflicts"].clone();
        }
        out.object(&object);
        return;
    }
    let Report { message, details, hints } = error.report(home.as_deref());
    let hints = carry(hints);
    let text =
        |line: &str| drop(std::io::Write::write_all(&mut anstream::stderr(), format!("{line}\n").as_bytes()));
    text(&format!("{} {message}", paint(style::ERROR, "error:")));
    if !details.is_empty() {
        text("");
        details.iter().for_each(|line| text(line));
    }
    if !hints.is_empty() {
        text("");
        hints.iter().for_each(|line| text(line));
    }
}
