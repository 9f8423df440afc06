//! Keys and what is done with them. Pure: time and randomness are arguments.
//!
//! - [`seal`]: bytes to Fernet tokens and back; the only file that knows the library
//! - [`ring`]: the secrets of the epochs, and the keys that follow from them
//! - [`node`]: the key that other machines know this one by
//! - [`identity`]: which machine this is, and whether it still is the one it was
//! - [`Secret`]: bytes that are wiped, and neither printed nor copied

pub mod identity;
pub mod node;
pub mod ring;
pub mod seal;
mod text;

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroize as _;

pub use identity::HostId;
pub use node::NodeKey;
pub use ring::{Context, Epoch, Ring};
pub use seal::{Key, OpenError, Opened};

/// Secret bytes: wiped when dropped; not printable, not copyable, not serialisable.
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes the bytes; the caller's copy is wiped.
    #[must_use]
    pub fn take(bytes: &mut [u8; N]) -> Self {
        let secret = Self(*bytes);
        bytes.zeroize();
        secret
    }

    /// The bytes, for deriving from them or writing them to where they are kept.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

/// What stands for some parts, one after another, to who has the key: the beginning of their HMAC-SHA256.
#[must_use]
pub fn keyed_digest(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 8] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("BUG: any key will do");
    parts.iter().for_each(|part| mac.update(part));
    let digest = mac.finalize().into_bytes();
    std::array::from_fn(|at| digest[at])
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
