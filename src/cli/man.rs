//! `cs man`: the manual pages, made from the same arguments that are parsed.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use serde_json::json;

use super::args::{Cli, Common, ManArgs};
use super::error::{CliError, exit};
use super::output::{Output, count};
use crate::sys::{env, fs};

/// A page: its file's name, and its text.
type Page = (String, Vec<u8>);

/// Runs it.
///
/// # Errors
/// When a page can't be printed or written.
pub fn run(common: &Common, args: &ManArgs) -> Result<u8, CliError> {
    let out = Output::new(common);
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages)?;
    let Some(folder) = &args.folder else {
        let (name, text) = pages.swap_remove(0);
        let text = String::from_utf8(text).expect("BUG: our own texts are UTF-8");
        if out.json {
            out.object(&json!({"version": 1, "success": true, "name": name, "text": text}));
        } else {
            out.document(&text)?;
        }
        return Ok(exit::DONE);
    };
    write(&env::current_dir()?.join(folder), &pages)?;
    let names: Vec<&String> = pages.iter().map(|(name, _)| name).collect();
    out.object(&json!({"version": 1, "success": true, "folder": folder, "pages": names}));
    out.line(format!("{} in {}.", count(pages.len(), "page", "pages"), folder.display()));
    Ok(exit::DONE)
}

fn write(folder: &Path, pages: &[Page]) -> io::Result<()> {
    fs::make_folders(folder, 0o755)?;
    for (name, text) in pages {
        let path = folder.join(name);
        fs::remove_file(&path)?;
        fs::write_new(&path, text, 0o644)?;
    }
    Ok(())
}

/// The page of a command, then those of the commands in it.
fn add(command: &Command, pages: &mut Vec<Page>) -> io::Result<()> {
    let worded = command.clone().subcommand_help_heading("COMMANDS").subcommand_value_name("COMMAND");
    let man = Man::new(worded);
    pages.push((man.get_filename(), page(command, &man)?));
    let below = command.get_subcommands().filter(|command| !command.is_hide_set());
    below.into_iter().try_for_each(|command| add(command, pages))
}

fn page(command: &Command, man: &Man) -> io::Result<Vec<u8>> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_uppercase();
    // Of no date: the same cs makes the same pages. (The library leaves out an argument that is empty.)
    let mut text = format!(".TH {name} 1 \"\" \"cs {}\" \"\"\n", env!("CARGO_PKG_VERSION")).into_bytes();
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    man.render_options_section(&mut text)?;
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    more(&after).to_writer(&mut text)?;
    if command.get_bin_name().is_some_and(|name| name.contains(' ')) {
        let mut see = Roff::new();
        see.control("SH", ["SEE ALSO"]);
        see.text([bold("cs"), roman("(1)")]);
        see.to_writer(&mut text)?;
    }
    Ok(text)
}

/// What stands below the help: a line that ends in `:` is a heading, lines that are indented stay as they are.
fn more(after: &str) -> Roff {
    let mut roff = Roff::new();
    let mut is_verbatim = false;
    for line in after.lines() {
        let verbatim = line.starts_with("  ") || is_verbatim && line.is_empty();
        if verbatim != is_verbatim {
            roff.control(if verbatim { "nf" } else { "fi" }, []);
            is_verbatim = verbatim;
        }
        match line.strip_suffix(':').filter(|_| !verbatim) {
            Some(heading) => {
                roff.control("SH", [heading.to_uppercase().as_str()]);
            }
            None => {
                roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
            }
        }
    }
    if is_verbatim {
        roff.control("fi", []);
    }
    roff
}
