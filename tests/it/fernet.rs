//! Tokens as the specification and Python's `cryptography` have them.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use claude_sync::crypto::seal::{Key, open, seal, token_time};
use serde_json::Value;

use crate::sandbox::{cases, skipped};

fn key(text: &str) -> Key {
    let bytes = URL_SAFE.decode(text).expect("base64");
    Key::from_bytes(&bytes.try_into().expect("32 bytes"))
}

/// The published vectors. Two invalid ones are valid to us, on purpose: how old is too old, and how
/// far ahead, is decided by who reads.
#[test]
fn the_vectors_of_the_specification() {
    let Some(folder) = cases().map(|cases| cases.join("vectors")) else { return };
    let mut counts = Vec::new();
    for name in ["generate", "verify", "invalid"] {
        let text = std::fs::read_to_string(folder.join(format!("fernet-{name}.json"))).expect(name);
        let vectors: Vec<Value> = serde_json::from_str(&text).expect(name);
        for vector in &vectors {
            let field = |name: &str| vector[name].as_str().unwrap_or_default();
            let opened = open(&key(field("secret")), field("token"), 499_162_801);
            let is_only_of_time = field("desc").contains("clock skew") || field("desc").contains("expired");
            match name == "invalid" && !is_only_of_time {
                true => assert!(opened.is_err(), "{vector}"),
                false => {
                    let opened = opened.unwrap_or_else(|error| panic!("{error}: {vector}"));
                    // Those that are too old or too new have no text given.
                    assert!(is_only_of_time || opened.plain == field("src").as_bytes(), "{vector}");
                    assert_eq!(token_time(field("token")), Some(opened.sealed_at));
                }
            }
        }
        assert!(!vectors.is_empty());
        counts.push(format!("{} {name}", vectors.len()));
    }
    println!("fernet vectors: {}", counts.join(", "));
}

const MESSAGES: usize = 10_000;

/// Opens what it gets, and answers with the same text turned round, sealed.
const PYTHON: &str = "
import base64, sys
from cryptography.fernet import Fernet
for line in sys.stdin:
    key, token, plain = line.split(' ')
    fernet = Fernet(key)
    plain = base64.urlsafe_b64decode(plain.strip())
    assert fernet.decrypt(token) == plain, line
    print(fernet.encrypt(plain[::-1]).decode())
";

#[test]
fn messages_go_both_ways_between_us_and_python() {
    let has =
        Command::new("python3").args(["-c", "import cryptography.fernet"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CS_CASES").is_none(), "python3 needs the package `cryptography`");
        return skipped("python3 has no package `cryptography`: messages were not exchanged with it");
    }
    // Lengths from 0 up, past several blocks, under a hundred keys.
    let byte = |n: usize| u8::try_from(n % 256).expect("a byte");
    let message = |n: usize| -> Vec<u8> { (0..n % 331).map(|at| byte(n * 31 + at * 7)).collect() };
    let key_bytes = |n: usize| -> [u8; 32] { std::array::from_fn(|at| byte(n % 100 + at * 3)) };
    let mut lines = String::new();
    for n in 0..MESSAGES {
        let plain = URL_SAFE.encode(message(n));
        let token = seal(&Key::from_bytes(&key_bytes(n)), &message(n), 1_767_268_800);
        lines.push_str(&format!("{} {token} {plain}\n", URL_SAFE.encode(key_bytes(n))));
    }
    let mut child = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut input = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success() && writer.join().expect("ended").is_ok());
    let answers = String::from_utf8(output.stdout).expect("text");
    let mut opened = 0;
    for (n, token) in answers.lines().enumerate() {
        let answer = open(&Key::from_bytes(&key_bytes(n)), token, 0).expect("a token").plain;
        assert!(answer.iter().eq(message(n).iter().rev()), "{n}");
        opened += 1;
    }
    assert_eq!(opened, MESSAGES);
    println!("{MESSAGES} messages to Python and {opened} back");
}

/// Says what it costs; as a bar only that it is far below a hook's budget.
#[test]
fn sealing_is_quick() {
    let key = Key::from_bytes(&[7; 32]);
    let start = Instant::now();
    for n in 0..1_000 {
        let token = seal(&key, &[b'x'; 64], n);
        assert!(open(&key, token, 0).is_ok());
    }
    let each = start.elapsed() / 1_000;
    println!("seal and open of 64 bytes: {each:?}");
    assert!(each.as_millis() < 5, "{each:?}");
}
