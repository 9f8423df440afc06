//! What lies in the repositories that hosts share, so far as it was looked at: what is still there need not be fetched
//! again, and what this host had left and is gone is missed. Each repository is a place by itself.

use std::collections::BTreeMap;

use crate::crypto::node::NodeId;
use crate::model::Digest;
use crate::model::bytes::{Bytes, put_count};

/// So many repositories are remembered, those that were used last. What lies in another one is fetched anew.
const PLACES_MAX: usize = 32;

/// A node, a length and no letter, and whether it is old.
const HEAD_BYTES_MIN: usize = 34;

/// What stands for an address, a day, and no host.
const PLACE_BYTES_MIN: usize = 38;

/// What lay under a host's ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How git names it, in hexadecimal.
    pub commit: String,
    /// Others had heard of newer things than it tells.
    pub is_old: bool,
}

/// One repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    /// The day on which it was used last, since 1970.
    used: u16,
    heads: BTreeMap<NodeId, Head>,
}

/// All of them, each by what stands for its address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<Digest, Place>);

/// Whether this is how git names a commit.
fn is_commit(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|c| c.is_ascii_hexdigit())
}

impl Places {
    /// What lay under a host's ref in a repository when it was looked at last.
    #[must_use]
    pub fn head(&self, url: &str, node: &NodeId) -> Option<&Head> {
        self.0.get(&Digest::of(url.as_bytes()))?.heads.get(node)
    }

    /// Remembers what lies under the refs of some hosts.
    pub fn put(&mut self, url: &str, today: u16, heads: BTreeMap<NodeId, Head>) {
        let own = Digest::of(url.as_bytes());
        let place = self.0.entry(own).or_default();
        place.used = today;
        place.heads.extend(heads.into_iter().filter(|(_, head)| is_commit(&head.commit)));
        while self.0.len() > PLACES_MAX {
            let others = self.0.iter().filter(|(place, _)| **place != own);
            let Some(oldest) = others.min_by_key(|(_, place)| place.used).map(|(place, _)| *place) else {
                return;
            };
            self.0.remove(&oldest);
        }
    }

    /// Forgets what lay under a host's ref in a repository.
    pub fn remove(&mut self, url: &str, node: &NodeId) {
        if let Some(place) = self.0.get_mut(&Digest::of(url.as_bytes())) {
            place.heads.remove(node);
        }
    }

    /// Forgets those hosts for which `is_known` is not so.
    pub fn retain(&mut self, is_known: impl Fn(&NodeId) -> bool) {
        self.0.values_mut().for_each(|place| place.heads.retain(|node, _| is_known(node)));
        self.0.retain(|_, place| !place.heads.is_empty());
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put_count(bytes, self.0.len());
        for (address, Place { used, heads }) in &self.0 {
            bytes.extend(address.to_bytes());
            bytes.extend(used.to_le_bytes());
            put_count(bytes, heads.len());
            for (node, Head { commit, is_old }) in heads {
                bytes.extend(node.to_bytes());
                bytes.push(u8::try_from(commit.len()).expect("BUG: a commit is short"));
                bytes.extend(commit.as_bytes());
                bytes.push(u8::from(*is_old));
            }
        }
    }

    pub(super) fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let count = rest.count(PLACE_BYTES_MIN).filter(|count| *count <= PLACES_MAX)?;
        let place = |rest: &mut Bytes<'_>| {
            let address = Digest::from_bytes(rest.take(32)?.try_into().ok()?);
            let used = rest.u16()?;
            let count = rest.count(HEAD_BYTES_MIN)?;
            let head = |rest: &mut Bytes<'_>| {
                let (node, commit) = named(rest)?;
                let is_old = rest.byte().filter(|is_old| *is_old < 2)? == 1;
                Some((node, Head { commit, is_old }))
            };
            let heads = (0..count).map(|_| head(rest)).collect::<Option<_>>()?;
            Some((address, Place { used, heads }))
        };
        (0..count).map(|_| place(rest)).collect::<Option<_>>().map(Self)
    }

    /// Those of format 1, which did not know of which repository they were: they are of none.
    pub(super) fn skip_format_1(rest: &mut Bytes<'_>) -> Option<Self> {
        let count = rest.count(HEAD_BYTES_MIN - 1)?;
        (0..count).map(|_| named(rest).map(drop)).collect::<Option<()>>().map(|()| Self::default())
    }
}

/// A node, and the commit under its ref.
fn named(rest: &mut Bytes<'_>) -> Option<(NodeId, String)> {
    let node = NodeId::from_bytes(rest.take(32)?.try_into().ok()?)?;
    let length = rest.byte()?;
    let commit = String::from_utf8(rest.take(length.into())?.to_vec()).ok()?;
    is_commit(&commit).then_some((node, commit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{NodeKey, Secret};

    fn node() -> NodeId {
        NodeKey::new(&Secret::take(&mut [7; 32])).public()
    }

    fn heads(commit: char, is_old: bool) -> BTreeMap<NodeId, Head> {
        [(node(), Head { commit: commit.to_string().repeat(40), is_old })].into()
    }

    #[test]
    fn each_repository_is_remembered_by_itself_and_only_so_many() {
        let mut places = Places::default();
        places.put("one", 1, heads('a', false));
        places.put("other", 2, heads('b', true));
        let mut bytes = Vec::new();
        places.encode(&mut bytes);
        assert_eq!(Places::decode(&mut Bytes(&bytes)), Some(places.clone()));
        assert!((0..bytes.len()).all(|end| Places::decode(&mut Bytes(&bytes[..end])).is_none()));
        let head = |places: &Places, url| places.head(url, &node()).map(|head| head.commit[..1].to_owned());
        assert_eq!(head(&places, "one").as_deref(), Some("a"));
        assert_eq!(head(&places, "other").as_deref(), Some("b"));
        assert_eq!(head(&places, "third"), None);
        for number in 0..PLACES_MAX {
            places.put(&number.to_string(), 3, heads('c', false));
        }
        assert_eq!((places.0.len(), head(&places, "one"), head(&places, "other")), (PLACES_MAX, None, None));
        places.put("0", 4, BTreeMap::from([(node(), Head { commit: "x".to_owned(), is_old: false })]));
        assert_eq!(head(&places, "0").as_deref(), Some("c"), "that is no commit");
        places.remove("0", &node());
        assert_eq!(head(&places, "0"), None);
        places.retain(|_| false);
        assert_eq!(places, Places::default());
    }
}
