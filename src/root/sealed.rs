//! Values of the user's that entries of ours stand on, where they look like secrets, or where a declared
//! secret now stands: in the ledger on the disk they lie sealed.
//!
//! The key lies beside, in a file of its own: whoever copies a manifest or a ledger has no secret with it.
//! It is made when it is first needed, and is durable before what it seals is. One that is gone is not made
//! anew while something is sealed with it; what can't be opened stays as it is, and is refused when it is
//! needed.

use std::path::PathBuf;

use serde_json::Value;
use zeroize::Zeroizing;

use super::Error;
use super::store::{LockedRoot, Store};
use crate::crypto::seal::{self, Key};
use crate::generation::{self, LedgerFile};
use crate::model::{Displaced, How, Ledger, Row};
use crate::plan::secrets::{holds_secret, looks_secret};
use crate::sys::{clock, fs, random};

/// The key's file under `claude-sync/`.
pub const KEY: &str = "claude-sync/seal.key";

/// The key's file while it is written, below `claude-sync/`.
pub(super) const NEW_KEY: &str = "seal.key.new";

/// 32 bytes in hex digits, and the end of the line.
const KEY_FILE_BYTES: usize = 65;

fn path(store: &Store) -> PathBuf {
    store.root.path.join(KEY)
}

/// Whether what an entry stands on is to be sealed.
fn is_secret(row: &Row, before: &Displaced) -> bool {
    let name = row.key.pointer().last().cloned().unwrap_or_default();
    let looks = |text: &String| looks_secret("", &Value::from(text.as_str()));
    // A declared secret stands there now, or stood there.
    !row.secrets.is_empty()
        || !row.earlier_secrets.is_empty()
        || match serde_json::from_str::<Value>(&before.text) {
            Ok(value) => holds_secret(&name, &value),
            Err(_) => looks(&before.text),
        }
        // Neighbours in a list are remembered by what they say.
        || before.place.iter().any(|place| place.after.iter().any(looks) || looks(&place.name))
        || before.also.iter().any(|also| is_secret(row, also))
}

/// The ledger as it is to lie on the disk.
///
/// # Errors
/// When the key can't be read or made; and where it is gone, and something is sealed with it already.
pub(super) fn file(locked: &LockedRoot, ledger: &Ledger) -> Result<LedgerFile, Error> {
    let mut ledger = ledger.clone();
    let is_lost = ledger.sealed().next().is_some();
    let mut key = None;
    let mut has_secrets = is_lost;
    for row in ledger.documents.values_mut().flat_map(|own| &mut own.rows) {
        has_secrets |= !row.secrets.is_empty() || !row.earlier_secrets.is_empty();
        let How::Replaced(before) = &row.how else { continue };
        if before.sealed.is_some() || !is_secret(row, before) {
            continue;
        }
        let key = match &key {
            Some(key) => key,
            None => &*key.insert(make_key(locked, is_lost)?),
        };
        let text = serde_json::to_vec(before).expect("BUG: our own types serialize");
        let token = seal::seal(key, &Zeroizing::new(text), clock::now());
        row.how = How::Replaced(Displaced {
            sealed: Some(token),
            taken: before.taken,
            ..Displaced::new(String::new(), None)
        });
        has_secrets = true;
    }
    Ok(LedgerFile { format: generation::format(has_secrets), ledger })
}

/// The ledger with everything opened that can be.
///
/// # Errors
/// When the key is there and can't be read.
pub(super) fn opened(store: &Store, mut ledger: Ledger) -> Result<Ledger, Error> {
    if ledger.sealed().next().is_none() {
        return Ok(ledger);
    }
    let Some(key) = known_key(store)? else { return Ok(ledger) };
    for row in ledger.documents.values_mut().flat_map(|own| &mut own.rows) {
        let How::Replaced(Displaced { sealed: Some(token), .. }) = &row.how else { continue };
        let Ok(opened) = seal::open(&key, token, clock::now()) else { continue };
        let plain = Zeroizing::new(opened.plain);
        if let Ok(before) = serde_json::from_slice::<Displaced>(&plain) {
            row.how = How::Replaced(before);
        }
    }
    Ok(ledger)
}

/// The key, if there is one that can be one.
fn known_key(store: &Store) -> Result<Option<Key>, Error> {
    let bytes = fs::read_if_there(&path(store), KEY_FILE_BYTES as u64 * 2)?.map(Zeroizing::new);
    let text = bytes.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    Ok(text.and_then(|text| from_hex(text.trim_end())).map(|bytes| Key::from_bytes(&bytes)))
}

/// The key; a new one where there is none yet and nothing is sealed.
fn make_key(locked: &LockedRoot, is_lost: bool) -> Result<Key, Error> {
    let store = &locked.store;
    if let Some(key) = known_key(store)? {
        return Ok(key);
    }
    if is_lost || fs::lstat(&path(store))?.is_some() || is_needed(store)? {
        return Err(Error::SealKey(path(store)));
    }
    let bytes = Zeroizing::new(random::bytes::<32>()?);
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES));
    bytes.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
    text.push('\n');
    let temporary = store.folder().join(NEW_KEY);
    fs::remove_all(&temporary)?;
    fs::write_new(&temporary, text.as_bytes(), 0o600)?;
    locked.sync(&temporary)?;
    fs::rename(&temporary, &path(store))?;
    locked.sync(&store.folder())?;
    Ok(Key::from_bytes(&bytes))
}

/// Whether any generation has something that only the key opens.
fn is_needed(store: &Store) -> Result<bool, Error> {
    let ledgers = store.numbers()?.into_iter().filter_map(|number| store.ledger(number).ok());
    Ok(ledgers.into_iter().any(|ledger| ledger.sealed().next().is_some()))
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}
