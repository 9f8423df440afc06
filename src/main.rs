//! A hook by the name it is called by, or the command line.

use std::process::ExitCode;

use claude_sync::{cli, hook, sys};

fn main() -> ExitCode {
    let mut args = sys::env::args().peekable();
    let code = match hook::called_as(args.peek().map(std::ffi::OsString::as_os_str)) {
        Some(name) => hook::main(name),
        None => cli::main(args),
    };
    ExitCode::from(code)
}
