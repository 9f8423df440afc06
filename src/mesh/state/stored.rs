//! The bytes of what is known of others, to be sealed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Known, Mesh, SEEN_MAX};
use crate::mesh::Bundle;
use crate::model::Digest;
use crate::model::bytes::{Bytes, put_count};

/// Of a number, a digest and a day.
const SEEN_BYTES: usize = 42;

impl Mesh {
    /// Its bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        put_count(bytes, self.nodes.len());
        for Known { newest, seen } in self.nodes.values() {
            let bundle = newest.bytes();
            put_count(bytes, bundle.len());
            bytes.extend(bundle);
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
            let length = rest.count(1)?;
            let newest = Arc::new(Bundle::reopen(rest.take(length)?).ok()?);
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
            nodes.insert(newest.replica().node, Known { newest, seen });
        }
        Some(Self { nodes })
    }
}
