//! End-to-end tests of `cs`: one binary, every test in a sealed world of its own.

mod bad_input;
mod crash;
mod generations;
mod sandbox;
mod scenarios;
mod settings_files;
mod tree;
mod vectors;
