//! Bytes to Fernet tokens and back. The only file that knows the library.
//!
//! The library refuses what was sealed more than a minute in the future: after a clock steps back,
//! fresh data would look forged. So a token is opened at its own time where that is later than
//! now; how old is too old is decided by who reads, not here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;
use zeroize::Zeroizing;

/// The library adds its clock skew to the time it is told; nearer to the end that would overflow.
const TIME_MAX: u64 = u64::MAX - 60;

/// Version, time, IV and HMAC: what a token has beside its blocks of 16 bytes.
const FRAME_BYTES: usize = 1 + 8 + 16 + 32;

/// A key that seals and opens: wiped when dropped, not printable, not copyable.
pub struct Key(Fernet);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key whose first half signs and whose second half encrypts.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let text = Zeroizing::new(URL_SAFE.encode(bytes));
        Self(Fernet::new(&text).expect("BUG: 32 bytes are a key"))
    }
}

/// What a token held.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    pub plain: Vec<u8>,
    /// When it was sealed, in seconds since 1970, as its sealer's clock had it.
    pub sealed_at: u64,
}

/// Why a token could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("it is no token")]
    Malformed,
    #[error("it was sealed with another key, or has been changed since")]
    Forged,
}

/// Seals `plain` at `now` (seconds since 1970) under a fresh IV.
#[must_use]
pub fn seal(key: &Key, plain: &[u8], now: u64) -> String {
    key.0.encrypt_at_time(plain, now)
}

/// Opens a token, whatever its age.
///
/// # Errors
/// When it is no token, or not one of this key's.
pub fn open(key: &Key, token: impl AsRef<[u8]>, now: u64) -> Result<Opened, OpenError> {
    let token = token.as_ref();
    // Strict, unlike some decoders: one token has one spelling.
    let bytes = URL_SAFE.decode(token).map_err(|_| OpenError::Malformed)?;
    let blocks = bytes.len().checked_sub(FRAME_BYTES).ok_or(OpenError::Malformed)?;
    if blocks == 0 || blocks % 16 != 0 {
        return Err(OpenError::Malformed);
    }
    let sealed_at = token_time(token).ok_or(OpenError::Malformed)?;
    let text = std::str::from_utf8(token).map_err(|_| OpenError::Malformed)?;
    let at = sealed_at.max(now).min(TIME_MAX);
    let plain = key.0.decrypt_at_time(text, None, at).map_err(|_| OpenError::Forged)?;
    Ok(Opened { plain, sealed_at })
}

/// When a token says it was sealed. Nothing has been proved by that: [`open`] does.
#[must_use]
pub fn token_time(token: impl AsRef<[u8]>) -> Option<u64> {
    // Twelve letters are nine bytes: the version and the time.
    let mut head = [0; 9];
    let written = URL_SAFE.decode_slice(token.as_ref().get(..12)?, &mut head).ok()?;
    let (version, time) = head.split_first()?;
    (written == head.len() && *version == 0x80)
        .then(|| u64::from_be_bytes(time.try_into().expect("BUG: eight of nine bytes")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the specification (fernet/spec, generate.json and verify.json).
    const SPEC_KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    const SPEC_TOKEN: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
    const SPEC_TIME: u64 = 499_162_800;

    fn spec_key() -> Key {
        let bytes = URL_SAFE.decode(SPEC_KEY).expect("base64");
        Key::from_bytes(&bytes.try_into().expect("32 bytes"))
    }

    #[test]
    fn the_token_of_the_specification_opens_at_any_time() {
        for now in [0, SPEC_TIME - 61, SPEC_TIME, SPEC_TIME + 1, u64::MAX] {
            let opened = open(&spec_key(), SPEC_TOKEN, now);
            assert_eq!(opened, Ok(Opened { plain: b"hello".to_vec(), sealed_at: SPEC_TIME }), "{now}");
        }
        assert_eq!(token_time(SPEC_TOKEN), Some(SPEC_TIME));
    }

    #[test]
    fn a_flipped_bit_is_refused_wherever_it_is() {
        let key = Key::from_bytes(&[7; 32]);
        let mut flips = 0;
        for length in [0, 1, 15, 16, 31, 80, 200] {
            let token = seal(&key, &vec![b'x'; length], 1_700_000_000).into_bytes();
            let binary = URL_SAFE.decode(&token).expect("base64");
            for bit in 0..token.len() * 8 {
                let mut flipped = token.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(open(&key, &flipped, 0).is_err(), "bit {bit} of the text");
            }
            for bit in 0..binary.len() * 8 {
                let mut flipped = binary.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(open(&key, URL_SAFE.encode(flipped), 0).is_err(), "bit {bit} of the bytes");
            }
            flips += (token.len() + binary.len()) * 8;
        }
        assert!(flips > 10_000, "{flips}");
    }

    #[test]
    fn a_forged_time_is_refused_and_does_not_panic() {
        let key = Key::from_bytes(&[7; 32]);
        let mut binary = URL_SAFE.decode(seal(&key, b"x", 5)).expect("base64");
        for time in [0, 4, 6, u64::MAX - 61, u64::MAX - 60, u64::MAX - 1, u64::MAX] {
            binary[1..9].copy_from_slice(&time.to_be_bytes());
            for now in [0, 5, u64::MAX] {
                let token = URL_SAFE.encode(&binary);
                assert_eq!(open(&key, &token, now), Err(OpenError::Forged), "{time} at {now}");
                assert_eq!(token_time(&token), Some(time));
            }
        }
        // A true token of the last second there is.
        let opened = open(&key, seal(&key, b"x", u64::MAX), 0).map(|opened| opened.sealed_at);
        assert_eq!(opened, Ok(u64::MAX));
    }

    #[test]
    fn another_spelling_is_another_token() {
        let token = seal(&Key::from_bytes(&[7; 32]), b"", 0);
        let key = Key::from_bytes(&[7; 32]);
        let standard = URL_SAFE.encode(URL_SAFE.decode(&token).expect("base64"));
        assert_eq!(standard, token);
        for other in [token.trim_end_matches('=').to_owned(), format!("{token}="), format!("{token}\n")] {
            assert_eq!(open(&key, &other, 0), Err(OpenError::Malformed), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_whatever_the_clock_does(
            bytes: [u8; 32], plain: Vec<u8>, sealed_at: u64, now: u64,
        ) {
            let token = seal(&Key::from_bytes(&bytes), &plain, sealed_at);
            prop_assert_eq!(token_time(&token), Some(sealed_at));
            prop_assert_eq!(open(&Key::from_bytes(&bytes), &token, now), Ok(Opened { plain, sealed_at }));
        }

        #[test]
        fn anything_else_is_refused_quietly(token: Vec<u8>, now: u64) {
            prop_assert!(open(&Key::from_bytes(&[0; 32]), &token, now).is_err());
        }
    }
}
