//! End-to-end tests of `cs`: one binary, every test in a sealed world of its own.

#![expect(clippy::disallowed_methods, reason = "tests arrange and inspect the world themselves")]
#![expect(clippy::disallowed_types, reason = "and hold its files open")]
#![expect(clippy::print_stdout, reason = "tests say what they counted")]

mod agents;
mod bad_input;
mod build;
mod capture;
mod cli;
mod client;
mod clock;
mod concurrency;
mod crash;
mod damage;
mod doctor;
mod draw;
mod erasure;
mod errors;
mod evasions;
mod fernet;
mod frozen;
mod full_day;
mod generations;
mod guard;
mod hooked;
mod hooks;
mod hostile;
mod identity;
mod init;
mod interference;
mod keys;
mod licences;
mod links;
mod lived;
mod machines;
mod mcp;
mod newcomer;
mod news;
mod notes;
mod pages;
mod parting;
mod picture;
mod points;
mod project;
mod quiet;
mod readme;
mod remote;
mod sandbox;
mod scenarios;
mod schema;
mod secrets;
mod session;
mod settings_files;
mod shape;
mod shells;
mod shown;
mod store;
mod storm;
mod story;
mod tidy;
mod told;
mod tracer;
mod tree;
mod vectors;
mod zero_knowledge;
