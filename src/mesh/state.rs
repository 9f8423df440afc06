//! What a host knows of others: of each node the newest of its bundles, and what was seen of it.
//!
//! Two such states merge by the newest bundle of each node and by all that was seen of it: in any order, in any groups,
//! any number of times, to the same. Who tells two things under one number is found out whatever came first, as long as
//! both were seen; from then on nothing of that replica counts.
//!
//! Whom to listen to is asked when something is received, and again whenever it is read: nothing of a node that is not
//! trusted any more counts, and all of it does once it is trusted again.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::replica::{AGE_DAYS_MAX, Bundle, BundleError, GRACE_DAYS, Replica};
use super::row::{Key, WINDOW_DAYS, is_within};
use super::trust::Trusted;
use crate::crypto::node::NodeId;
use crate::learn::pattern::Day;
use crate::model::Digest;

/// So many bundles of one node are remembered; who sends more in a month, one every eleven minutes, is set aside.
pub const SEEN_MAX: usize = 4_000;

/// So much is known of all hosts together, in bytes: sixty that use 2,000 forms every day. Of what is more nothing is
/// taken; what is kept is read as a whole, also by those who fold.
pub const BYTES_MAX: usize = 8 << 20;

/// Two bundles show that a replica told two things.
const EVIDENCE_MAX: usize = 2;

/// What became of a bundle that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is the newest of its node.
    New,
    /// It was here before.
    Known,
    /// There is a newer one.
    Old,
}

/// Why a bundle was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{} is not trusted here", .0.node.fingerprint())]
    Untrusted(Replica),
    #[error(transparent)]
    Day(BundleError),
    #[error("{0}: nothing of it counts until it begins anew")]
    SetAside(Aside),
    #[error(
        "{} tells less of day {day} than it did before: it was restored without saying so, or something else has its key",
        .replica.node.fingerprint()
    )]
    Shrinks { replica: Replica, day: u16 },
}

/// A replica of which nothing counts, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is set aside: {why}", .replica.node.fingerprint())]
pub struct Aside {
    pub replica: Replica,
    pub why: Why,
}

/// Why a replica is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("it told two things as its number {sequence} ({} and {}), so two machines have its key", digests[0].short(), digests[1].short())]
    Forked { sequence: u64, digests: [Digest; 2] },
    #[error("it sent {SEEN_MAX} bundles in a month")]
    Flood,
}

/// What is known of a node, in its newest incarnation.
#[derive(Debug, Clone, Eq)]
struct Known {
    newest: Arc<Bundle>,
    /// All that was seen of it, by number and content, and of which day it was.
    seen: BTreeMap<(u64, Digest), u16>,
    /// Of a replica that is set aside, bundles that show why, as far as they are here: others who saw one of two find out
    /// by them, and its own host does.
    evidence: Vec<Arc<Bundle>>,
}

/// What is known is what was seen. By which bundles it is shown depends on who came first, and nothing depends on that.
impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.newest == other.newest && self.seen == other.seen
    }
}

/// What is known of all nodes, one's own among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mesh {
    nodes: BTreeMap<NodeId, Known>,
}

/// How often, by several hosts together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub ok: u64,
    pub failed: u64,
    /// Failures that teach.
    pub taught: u64,
}

impl Tally {
    fn add(&mut self, counts: &Day) {
        let Day { ok, failed, taught } = *counts;
        self.ok = self.ok.saturating_add(ok.into());
        self.failed = self.failed.saturating_add(failed.into());
        self.taught = self.taught.saturating_add(taught.into());
    }
}

/// What came of a form on some days.
pub type Tallies = BTreeMap<u16, Tally>;

impl Known {
    fn new(bundle: Arc<Bundle>) -> Self {
        let seen = [((bundle.telling().sequence, bundle.digest()), bundle.telling().day)].into();
        Self { newest: bundle, seen, evidence: Vec::new() }
    }

    /// How many bytes are kept of it.
    fn bytes(&self) -> usize {
        let bundles = self.evidence.iter().map(|bundle| bundle.size()).sum::<usize>() + self.newest.size();
        bundles + self.seen.len() * stored::SEEN_BYTES
    }

    fn incarnation(&self) -> u32 {
        self.newest.telling().incarnation
    }

    /// The first number under which it told two things; of more, the first two.
    fn why(&self) -> Option<Why> {
        let pairs = self.seen.keys().zip(self.seen.keys().skip(1));
        let forked =
            pairs.filter(|((one, _), (other, _))| one == other).map(|((sequence, one), (_, other))| {
                Why::Forked { sequence: *sequence, digests: [*one, *other] }
            });
        forked.take(1).next().or((self.seen.len() >= SEEN_MAX).then_some(Why::Flood))
    }

    fn aside(&self) -> Option<Aside> {
        self.why().map(|why| Aside { replica: self.newest.replica(), why })
    }

    /// Keeps a bundle that told something else under a number that was used already, and the one it contradicts.
    fn show(&mut self, bundle: &Arc<Bundle>) {
        self.keep(bundle);
        if self.newest.telling().sequence == bundle.telling().sequence {
            let newest = Arc::clone(&self.newest);
            self.keep(&newest);
        }
    }

    fn keep(&mut self, bundle: &Arc<Bundle>) {
        if self.evidence.len() < EVIDENCE_MAX && !self.evidence.contains(bundle) {
            self.evidence.push(Arc::clone(bundle));
        }
    }

    /// Takes in what is known of the same node elsewhere.
    fn join(&mut self, other: &Self) {
        match self.incarnation().cmp(&other.incarnation()) {
            Ordering::Greater => return,
            Ordering::Less => {
                *self = other.clone();
                return;
            }
            Ordering::Equal => {}
        }
        self.seen.extend(&other.seen);
        let is_fork = self.newest.telling().sequence == other.newest.telling().sequence
            && self.newest.digest() != other.newest.digest();
        if is_fork {
            self.show(&other.newest);
        }
        other.evidence.iter().for_each(|bundle| self.keep(bundle));
        while self.seen.len() > SEEN_MAX {
            self.seen.pop_last();
        }
        let rank = |bundle: &Bundle| (bundle.telling().sequence, Reverse(bundle.digest()));
        if rank(&other.newest) > rank(&self.newest) {
            self.newest = Arc::clone(&other.newest);
        }
    }
}

impl Mesh {
    /// Takes in a bundle, whoever brought it.
    ///
    /// # Errors
    /// When its node is not trusted or set aside, also by this very bundle; when it is not of these days; or when it
    /// takes back what an earlier one counted.
    pub fn receive(
        &mut self,
        bundle: impl Into<Arc<Bundle>>,
        trust: &Trusted,
        today: u16,
    ) -> Result<Taken, Refused> {
        let bundle: Arc<Bundle> = bundle.into();
        let (replica, telling) = (bundle.replica(), bundle.telling());
        if !trust.has(&replica.node) {
            return Err(Refused::Untrusted(replica));
        }
        bundle.check_day(today).map_err(Refused::Day)?;
        let Some(known) = self.nodes.get_mut(&replica.node) else {
            self.nodes.insert(replica.node, Known::new(bundle));
            return Ok(Taken::New);
        };
        match telling.incarnation.cmp(&known.incarnation()) {
            Ordering::Less => return Ok(Taken::Old),
            Ordering::Greater => {
                *known = Known::new(bundle);
                return Ok(Taken::New);
            }
            Ordering::Equal => {}
        }
        let name = (telling.sequence, bundle.digest());
        if known.seen.contains_key(&name) {
            return Ok(Taken::Known);
        }
        if let Some(aside) = known.aside() {
            return Err(Refused::SetAside(aside));
        }
        // Also what is refused below was said: should the number be used again, that is a fork.
        known.seen.insert(name, telling.day);
        if let Some(aside) = known.aside() {
            known.show(&bundle);
            return Err(Refused::SetAside(aside));
        }
        if telling.sequence < known.newest.telling().sequence {
            return Ok(Taken::Old);
        }
        if let Some(day) = bundle.shrinks(&known.newest) {
            return Err(Refused::Shrinks { replica, day });
        }
        known.newest = bundle;
        Ok(Taken::New)
    }

    /// Whether what is known of all hosts stays within [`BYTES_MAX`] with one more bundle in the place of the one that is
    /// known of its node.
    #[must_use]
    pub fn has_room(&self, bundle: &Bundle) -> bool {
        let now: usize = self.nodes.values().map(Known::bytes).sum();
        let before = self.newest(&bundle.replica().node).map_or(0, |before| before.size());
        now + bundle.size() <= BYTES_MAX + before
    }

    /// Takes in what another such state has: one of the same person's, which asked all this when it received. The newest
    /// of a node stands then, also where the one before it was not seen there, and counted more: what depends on
    /// that has an order, and merging has none.
    pub fn merge(&mut self, other: &Self) {
        for (node, theirs) in &other.nodes {
            match self.nodes.get_mut(node) {
                Some(own) => own.join(theirs),
                None => {
                    self.nodes.insert(*node, theirs.clone());
                }
            }
        }
    }

    /// Forgets what no longer counts and can't be received again. What set a replica aside stays.
    pub fn expire(&mut self, today: u16) {
        let is_old = |day: u16| today.saturating_sub(day) > AGE_DAYS_MAX;
        for known in self.nodes.values_mut() {
            let mut numbers = BTreeSet::new();
            let forked: BTreeSet<u64> = known
                .seen
                .keys()
                .map(|(sequence, _)| *sequence)
                .filter(|own| !numbers.insert(*own))
                .collect();
            known.seen.retain(|(sequence, _), day| forked.contains(sequence) || !is_old(*day));
        }
        self.nodes.retain(|_, known| !is_old(known.newest.telling().day) || known.why().is_some());
    }

    /// The bundle of each node that counts: the newest, of those that are trusted and not set aside.
    pub fn counted<'a>(&'a self, trust: &'a Trusted) -> impl Iterator<Item = &'a Bundle> {
        let counts = |known: &&Known| trust.has(&known.newest.replica().node) && known.why().is_none();
        self.nodes.values().filter(counts).map(|known| &*known.newest)
    }

    /// The newest bundle of each node, whether it counts or not.
    pub fn all(&self) -> impl Iterator<Item = &Bundle> {
        self.nodes.values().map(|known| &*known.newest)
    }

    /// All bundles that may be told on: the newest of each node that is trusted, set aside or not, so that others find
    /// out, too.
    pub fn bundles<'a>(&'a self, trust: &'a Trusted) -> impl Iterator<Item = &'a Arc<Bundle>> {
        self.nodes.values().map(|known| &known.newest).filter(|bundle| trust.has(&bundle.replica().node))
    }

    /// Of a node that is set aside, what shows why.
    pub fn evidence(&self, node: &NodeId) -> impl Iterator<Item = &Arc<Bundle>> {
        self.nodes.get(node).into_iter().flat_map(|known| &known.evidence)
    }

    /// Whether nothing counts of a node's newest incarnation.
    #[must_use]
    pub fn is_aside(&self, node: &NodeId) -> bool {
        self.nodes.get(node).is_some_and(|known| known.why().is_some())
    }

    /// Whether a node signed something under a higher number than that of its newest bundle, which was not taken: it takes
    /// back what the newest counts.
    #[must_use]
    pub fn has_refused_newer(&self, node: &NodeId) -> bool {
        self.nodes.get(node).is_some_and(|known| {
            let last = known.seen.last_key_value().map(|((sequence, _), _)| *sequence);
            last > Some(known.newest.telling().sequence)
        })
    }

    /// The newest bundle of a node, whether it counts or not.
    #[must_use]
    pub fn newest(&self, node: &NodeId) -> Option<&Arc<Bundle>> {
        self.nodes.get(node).map(|known| &known.newest)
    }

    /// The replicas that are set aside, trusted or not.
    pub fn aside(&self) -> impl Iterator<Item = Aside> {
        self.nodes.values().filter_map(Known::aside)
    }

    /// What came of one kind of thing, all hosts together that count.
    #[must_use]
    pub fn value(&self, trust: &Trusted, key: &Key, today: u16) -> Tallies {
        tally(self.counted(trust), key, today)
    }

    /// The same of everything.
    #[must_use]
    pub fn values(&self, trust: &Trusted, today: u16) -> BTreeMap<Key, Tallies> {
        let keys: BTreeSet<&Key> = self.counted(trust).flat_map(|bundle| bundle.rows().keys()).collect();
        let values = keys.into_iter().map(|key| (*key, self.value(trust, key, today)));
        values.filter(|(_, tallies)| !tallies.is_empty()).collect()
    }

    /// What stands for all that counts here: the same wherever the same is known of the same nodes.
    #[must_use]
    pub fn digest(&self, trust: &Trusted) -> Digest {
        let mut sum = Sha256::new();
        for bundle in self.counted(trust) {
            sum.update(bundle.replica().node.to_bytes());
            sum.update(bundle.digest().to_string());
        }
        Digest::of(&sum.finalize())
    }
}

/// What came of one kind of thing, by the word of some bundles.
pub(super) fn tally<'a>(bundles: impl Iterator<Item = &'a Bundle>, key: &Key, today: u16) -> Tallies {
    let mut tallies = Tallies::new();
    let rows = bundles.filter_map(|bundle| bundle.rows().get(key));
    let is_meant = |day: u16| is_within(day, today.saturating_add(GRACE_DAYS), WINDOW_DAYS + GRACE_DAYS);
    for (day, counts) in rows.flat_map(|row| &row.days).filter(|(day, _)| is_meant(**day)) {
        tallies.entry(*day).or_default().add(counts);
    }
    tallies
}

mod stored;
#[cfg(test)]
mod tests;
