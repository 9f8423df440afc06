//! End-to-end tests of `cs`: one binary, every test in a sealed world of its own.

mod concurrency;
mod crash;
mod damage;
mod errors;
mod generations;
mod sandbox;
mod scenarios;
mod settings_files;
