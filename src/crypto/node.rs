//! The key that other machines know this one by: Ed25519.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Secret;
use super::text::{checked, close, from_hex, push_hex, secret_text};

/// The private half: wiped when dropped, not printable, not copyable.
pub struct NodeKey(SigningKey);

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", self.public().fingerprint())
    }
}

/// Why a text is no node key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    #[error("is of a format that this cs does not know")]
    Newer,
    #[error("is damaged")]
    Damaged,
}

impl NodeKey {
    /// The key of 32 random bytes.
    #[must_use]
    pub fn new(seed: &Secret<32>) -> Self {
        Self(SigningKey::from_bytes(seed.expose()))
    }

    /// The half that others may have.
    #[must_use]
    pub fn public(&self) -> NodeId {
        NodeId(self.0.verifying_key())
    }

    /// Signs a message. A signature of one domain is worth nothing in another.
    #[must_use]
    pub fn sign(&self, domain: &str, message: &[u8]) -> [u8; 64] {
        self.0.sign(&framed(domain, message)).to_bytes()
    }

    /// The text it is kept as.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = secret_text(256);
        text.push_str("cs-node 1\nseed ");
        push_hex(&mut text, self.0.as_bytes());
        text.push('\n');
        close(&mut text);
        text
    }

    /// Reads [`Self::to_text`].
    ///
    /// # Errors
    /// When it is of a newer format, or not whole.
    pub fn parse(text: &[u8]) -> Result<Self, NodeError> {
        let text = std::str::from_utf8(text).map_err(|_| NodeError::Damaged)?;
        if text.starts_with("cs-node ") && !text.starts_with("cs-node 1\n") {
            return Err(NodeError::Newer);
        }
        let seed = checked(text).and_then(|body| body.strip_prefix("cs-node 1\nseed "));
        let seed = seed.and_then(|rest| from_hex(rest.strip_suffix('\n')?));
        seed.map(|mut seed| Self::new(&Secret::take(&mut seed))).ok_or(NodeError::Damaged)
    }
}

/// The public half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeId(VerifyingKey);

impl NodeId {
    /// The key that its 32 bytes stand for; `None` for bytes that are no key.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// What people compare: `SHA256:` and 43 letters, as ssh writes it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(self.0.as_bytes())))
    }

    /// Whether the node signed this message in this domain.
    #[must_use]
    pub fn verify(&self, domain: &str, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(&framed(domain, message), &Signature::from_bytes(signature)).is_ok()
    }
}

/// By its bytes: an order that is the same everywhere.
impl Ord for NodeId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.as_bytes().cmp(other.0.as_bytes())
    }
}

impl PartialOrd for NodeId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What is really signed: no domain is the beginning of another and its message.
fn framed(domain: &str, message: &[u8]) -> Vec<u8> {
    [b"cs/v1/", domain.as_bytes(), b"\0", message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> NodeKey {
        NodeKey::new(&Secret::take(&mut [byte; 32]))
    }

    #[test]
    fn a_signature_is_of_one_key_one_domain_one_message() {
        let signature = key(1).sign("bundle", b"text");
        assert!(key(1).public().verify("bundle", b"text", &signature));
        assert!(!key(2).public().verify("bundle", b"text", &signature));
        assert!(!key(1).public().verify("invite", b"text", &signature));
        assert!(!key(1).public().verify("bundle", b"Text", &signature));
        assert!(!key(1).public().verify("bundle\0", b"text", &signature));
        for bit in 0..512 {
            let mut flipped = signature;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!key(1).public().verify("bundle", b"text", &flipped), "{bit}");
        }
    }

    /// RFC 8032, section 7.1, test 1: the public key of a secret.
    #[test]
    fn the_public_key_is_the_published_one() {
        let mut seed =
            from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").expect("hex");
        let public =
            from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").expect("hex");
        assert_eq!(NodeKey::new(&Secret::take(&mut seed)).public().to_bytes(), public);
        assert_eq!(NodeId::from_bytes(&public).map(NodeId::to_bytes), Some(public));
    }

    #[test]
    fn the_text_form_round_trips_and_damage_is_told() {
        let text = key(3).to_text();
        let again = NodeKey::parse(text.as_bytes()).expect("whole");
        assert_eq!(again.public(), key(3).public());
        assert!(again.public().fingerprint().len() == 50 && !format!("{again:?}").contains("0303"));
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(NodeKey::parse(&bytes).is_err(), "{at}");
            assert!(NodeKey::parse(&bytes[..at]).is_err(), "{at}");
        }
        assert_eq!(NodeKey::parse(b"cs-node 2\n").err(), Some(NodeError::Newer));
    }

    #[test]
    fn weak_keys_are_none() {
        assert!(NodeId::from_bytes(&[0; 32]).is_none());
    }
}
