//! The bytes of what is known of others, to be sealed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{EVIDENCE_MAX, Known, Mesh, SEEN_MAX};
use crate::mesh::Bundle;
use crate::model::Digest;
use crate::model::bytes::{Bytes, put_count};

/// Of a number, a digest and a day.
pub(super) const SEEN_BYTES: usize = 42;

fn put_bundle(bytes: &mut Vec<u8>, bundle: &Bundle) {
    let told = bundle.bytes();
    put_count(bytes, told.len());
    bytes.extend(told);
}

fn bundle(rest: &mut Bytes<'_>) -> Option<Arc<Bundle>> {
    let length = rest.count(1)?;
    Some(Arc::new(Bundle::reopen(rest.take(length)?).ok()?))
}

impl Mesh {
    /// Its bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        put_count(bytes, self.nodes.len());
        for Known { newest, seen, evidence } in self.nodes.values() {
            put_bundle(bytes, newest);
            put_count(bytes, evidence.len());
            evidence.iter().for_each(|bundle| put_bundle(bytes, bundle));
            put_count(bytes, seen.len());
            for ((sequence, digest), day) in seen {
                bytes.extend(sequence.to_le_bytes());
                bytes.extend(digest.to_bytes());
                bytes.extend(day.to_le_bytes());
            }
        }
    }

    /// What [`Self::encode`] has written, each bundle verified again; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let mut nodes = BTreeMap::new();
        for _ in 0..rest.count(8)? {
            let newest = bundle(rest)?;
            let count = rest.count(4).filter(|count| *count <= EVIDENCE_MAX)?;
            let evidence: Vec<_> = (0..count).map(|_| bundle(rest)).collect::<Option<_>>()?;
            let count = rest.count(SEEN_BYTES).filter(|count| *count <= SEEN_MAX)?;
            let seen = |rest: &mut Bytes<'_>| {
                let sequence = rest.u64()?;
                let digest = Digest::from_bytes(rest.take(32)?.try_into().ok()?);
                Some(((sequence, digest), rest.u16()?))
            };
            let seen: BTreeMap<(u64, Digest), u16> = (0..count).map(|_| seen(rest)).collect::<Option<_>>()?;
            if nodes.last_key_value().is_some_and(|(last, _)| *last >= newest.replica().node) {
                return None;
            }
            nodes.insert(newest.replica().node, Known { newest, seen, evidence });
        }
        Some(Self { nodes })
    }
}
