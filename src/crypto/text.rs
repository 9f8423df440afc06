//! Hex, and a checksum at the end of a text: what the key files are written in.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Bytes as hex digits, appended to what may be wiped.
pub fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

/// Bytes as hex digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    push_hex(&mut out, bytes);
    out
}

/// The bytes of exactly `2 × N` lower-case hex digits.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Adds the last line: the checksum of all before it.
pub fn close(body: &mut String) {
    let sum = hex(&Sha256::digest(body.as_bytes()));
    body.push_str("sum ");
    body.push_str(&sum);
    body.push('\n');
}

/// What stands above a checksum that is right.
pub fn checked(text: &str) -> Option<&str> {
    let above = text.strip_suffix('\n')?;
    let at = above.rfind('\n')? + 1;
    let sum = above[at..].strip_prefix("sum ")?;
    let body = &text[..at];
    (Sha256::digest(body.as_bytes()).as_slice() == from_hex::<32>(sum)?).then_some(body)
}

/// A text that holds secrets, large enough never to move while it grows.
pub fn secret_text(bytes: usize) -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(bytes))
}
