//! End-to-end tests of `cs`: one binary, every test in a sealed world of its own.

#![expect(clippy::disallowed_methods, reason = "tests arrange and inspect the world themselves")]
#![expect(clippy::print_stderr, reason = "tests say what they skip")]

mod bad_input;
mod crash;
mod errors;
mod generations;
mod licences;
mod sandbox;
mod scenarios;
mod settings_files;
mod tidy;
mod tree;
mod vectors;
