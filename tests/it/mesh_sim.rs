//! Many hosts that tell each other what they learned, by channels that lose, repeat, shuffle and replay, with some among
//! them that lie: those that don't come to the same, and to what their own rows add up to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use claude_sync::command::shape::{HostType, Outcome, Tool};
use claude_sync::crypto::{NodeKey, Secret};
use claude_sync::learn::{Item, Number, State, Told};
use claude_sync::mesh::replica::{DOMAIN, Telling};
use claude_sync::mesh::row::{Key, WINDOW_DAYS};
use claude_sync::mesh::state::Tallies;
use claude_sync::mesh::{Bundle, BundleError, Fingerprint, Mesh, Refused, Rows, Taken, Trusted, rows_of};

use crate::draw::Draw;

const FIRST_DAY: u16 = 20_000;
const DAYS: u16 = 3;
/// After the last telling: so many times as many exchanges as there are hosts are more than enough.
const SWEEPS_MAX: usize = 60;

const LINES: &[&str] =
    &["npm ci", "pytest -x", "cargo test", "git push --force", "sbatch --gpus=1 a.sh", "uv run pytest"];

/// What a host is like. One in twenty lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Honest,
    /// Was restored on the second day, and says so.
    Restored,
    /// Trusted at first, and then no more.
    Revoked,
    /// Tells two things under one number.
    Forking,
    /// Takes back what it counted.
    Shrinking,
    /// Sends what is no bundle: unsigned, signed by another, of far days, of foreign words, cut short.
    Forging,
}

impl Kind {
    fn of(number: usize) -> Self {
        match (number % 20, number / 20 % 3) {
            (19, 0) => Self::Forking,
            (19, 1) => Self::Shrinking,
            (19, _) => Self::Forging,
            (7, _) => Self::Restored,
            (13, _) => Self::Revoked,
            _ => Self::Honest,
        }
    }

    fn is_honest(self) -> bool {
        matches!(self, Self::Honest | Self::Restored)
    }
}

struct Host {
    kind: Kind,
    key: NodeKey,
    state: State,
    telling: Telling,
    mesh: Mesh,
    /// Days that its clock is behind.
    behind: u16,
}

fn key(number: usize) -> NodeKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    NodeKey::new(&Secret::take(&mut seed))
}

impl Host {
    fn new(number: usize) -> Self {
        let node = key(number).public();
        assert_eq!(Fingerprint::of(&node).to_string(), node.fingerprint(), "what people compare");
        let telling = Telling { incarnation: 1, sequence: 0, day: 0, window: WINDOW_DAYS };
        Self {
            kind: Kind::of(number),
            key: key(number),
            state: State::default(),
            telling,
            mesh: Mesh::default(),
            behind: u16::from(number % 9 == 4),
        }
    }

    fn work(&mut self, day: u16, draw: &mut Draw) {
        for _ in 0..4 {
            let is_ok = draw.percent(60);
            let told = Told {
                tool: "Bash",
                command: Some(draw.pick(LINES)),
                outcome: if is_ok { Outcome::Ok } else { Outcome::Failed },
                printed: if is_ok { "" } else { "sh: 1: x: command not found" },
                status: None,
                duration_ms: 0,
            };
            let numbers =
                [draw.below(3), draw.below(50)].map(|n| Number(u16::try_from(n + 1).expect("small")));
            let call = told.observe(HostType::Workstation, day, numbers[0], numbers[1]);
            self.state.take(&Item::Call(call));
        }
    }

    /// What it knows itself, signed as its next bundle.
    fn tell(&mut self, day: u16) -> Bundle {
        self.telling = Telling { sequence: self.telling.sequence + 1, day, ..self.telling };
        Bundle::sign(&self.key, self.telling, &rows_of(&self.state, day)).expect("it is little")
    }
}

/// What came of all that was sent.
#[derive(Debug, Default)]
struct Seen {
    taken: [usize; 3],
    refused: BTreeMap<&'static str, usize>,
    not_opened: BTreeMap<&'static str, usize>,
}

type Opened = Result<Arc<Bundle>, BundleError>;

struct World {
    hosts: Vec<Host>,
    everyone: Trusted,
    /// All bytes that ever went anywhere.
    archive: Vec<Arc<[u8]>>,
    /// What opening them gives is a function of the bytes and the day.
    opened: HashMap<(Arc<[u8]>, u16), Opened>,
    seen: Seen,
    draw: Draw,
    day: u16,
}

impl World {
    fn new(count: usize) -> Self {
        let hosts: Vec<Host> = (0..count).map(Host::new).collect();
        let everyone = hosts.iter().fold(Trusted::default(), |trust, host| trust.with(&host.key.public()));
        Self {
            hosts,
            everyone,
            archive: Vec::new(),
            opened: HashMap::new(),
            seen: Seen::default(),
            draw: Draw::new(42),
            day: FIRST_DAY,
        }
    }

    fn trusted(&self, is_meant: impl Fn(Kind) -> bool) -> Trusted {
        let hosts = self.hosts.iter().filter(|host| is_meant(host.kind));
        hosts.fold(Trusted::default(), |trust, host| trust.with(&host.key.public()))
    }

    /// Bytes arrive at a host, from wherever.
    fn arrive(&mut self, at: usize, bytes: &Arc<[u8]>) {
        let host = &mut self.hosts[at];
        let today = self.day - host.behind;
        let opened = self
            .opened
            .entry((Arc::clone(bytes), today))
            .or_insert_with(|| Bundle::open(bytes, today).map(Arc::new));
        let bundle = match opened {
            Ok(bundle) => Arc::clone(bundle),
            Err(error) => {
                let name = match error {
                    BundleError::Unsigned => "unsigned",
                    BundleError::Damaged => "damaged",
                    BundleError::Old(_) => "old",
                    BundleError::Future(_) => "future",
                    BundleError::Rows(_) => "rows",
                    BundleError::TooLarge(_) => "large",
                    BundleError::Newer(_) => "newer",
                };
                *self.seen.not_opened.entry(name).or_default() += 1;
                return;
            }
        };
        let before = host.mesh.newest(&bundle.replica().node).map(Arc::clone);
        match host.mesh.receive(Arc::clone(&bundle), &self.everyone, today) {
            Ok(taken) => {
                self.seen.taken[taken as usize] += 1;
                let before = before.filter(|before| before.replica() == bundle.replica());
                if let Some(before) = before.filter(|_| taken == Taken::New) {
                    assert!(bundle.telling().sequence > before.telling().sequence, "no replay counts");
                    assert_eq!(bundle.shrinks(&before), None, "nothing is taken back");
                }
            }
            Err(refused) => {
                let name = match refused {
                    Refused::Untrusted(_) => "untrusted",
                    Refused::Day(_) => "day",
                    Refused::SetAside(_) => "set aside",
                    Refused::Shrinks { .. } => "shrinks",
                };
                *self.seen.refused.entry(name).or_default() += 1;
                let now = host.mesh.newest(&bundle.replica().node).map(|newest| newest.digest());
                assert_eq!(now, before.map(|before| before.digest()), "what is refused takes no place");
            }
        }
    }

    /// One host tells another what it has, and is told. Some of it is lost, doubled, shuffled, or of long ago.
    fn exchange(&mut self, one: usize, other: usize) {
        for (from, to) in [(one, other), (other, one)] {
            let mut sent: Vec<Arc<[u8]>> = Vec::new();
            for bundle in self.hosts[from].mesh.bundles(&self.everyone) {
                let has = self.hosts[to].mesh.newest(&bundle.replica().node);
                let is_known = has.is_some_and(|has| has.digest() == bundle.digest());
                if is_known && !self.draw.percent(3) || self.draw.percent(20) {
                    continue;
                }
                let bytes: Arc<[u8]> = bundle.bytes().into();
                let copies = 1 + usize::from(self.draw.percent(10));
                sent.extend(std::iter::repeat_n(bytes, copies));
            }
            let replays = self.draw.below(3);
            sent.extend((0..replays).map(|_| Arc::clone(&self.archive[self.draw.below(self.archive.len())])));
            for place in (1..sent.len()).rev() {
                sent.swap(place, self.draw.below(place + 1));
            }
            sent.iter().for_each(|bytes| self.arrive(to, bytes));
        }
    }

    fn sweep(&mut self) {
        for one in 0..self.hosts.len() {
            let other = self.draw.below(self.hosts.len());
            if one != other {
                self.exchange(one, other);
            }
        }
    }

    /// Bytes go out to some hosts, and into the archive.
    fn send(&mut self, bytes: Vec<u8>, to: usize) {
        let bytes: Arc<[u8]> = bytes.into();
        self.archive.push(Arc::clone(&bytes));
        for _ in 0..to {
            let at = self.draw.below(self.hosts.len());
            self.arrive(at, &bytes);
        }
    }

    /// A day's work of all hosts, and what they tell of it.
    fn pass_day(&mut self, number: u16) {
        self.day = FIRST_DAY + number;
        for at in 0..self.hosts.len() {
            let host = &mut self.hosts[at];
            let (kind, today) = (host.kind, self.day - host.behind);
            if kind == Kind::Restored && number == 1 {
                host.state = State::default();
                host.telling = Telling { incarnation: 2, sequence: 0, ..host.telling };
            }
            let before = host.state.clone();
            host.work(today, &mut self.draw);
            match kind {
                Kind::Shrinking if number == 1 => host.state = State::default(),
                _ => {}
            }
            let bundle = host.tell(today);
            let bytes = bundle.bytes();
            let telling = host.telling;
            self.arrive(at, &bytes.clone().into());
            self.send(bytes.clone(), 1);
            match kind {
                Kind::Forking if number == DAYS - 1 => {
                    let other = Bundle::sign(&self.hosts[at].key, telling, &rows_of(&before, today));
                    let other = other.expect("it is little").bytes();
                    assert_ne!(other, bytes);
                    // A host tells on the one that it saw first: if either were rare, it would be met late.
                    let many = self.hosts.len() / 8;
                    self.send(bytes, many);
                    self.send(other, many);
                }
                Kind::Shrinking => self.send(bytes, 8),
                Kind::Forging => self.forge(at, &bytes),
                _ => {}
            }
        }
    }

    /// What no host may take, although everybody trusts who sends it.
    fn forge(&mut self, at: usize, bytes: &[u8]) {
        let own = key(at);
        let body = &bytes[..bytes.len() - 64];
        let signed = |mut body: Vec<u8>| {
            body.extend(own.sign(DOMAIN, &body));
            body
        };
        let mut unsigned = bytes.to_vec();
        *unsigned.last_mut().expect("a signature") ^= 1;
        // As if the first host had told it, under a number that it has not reached.
        let mut anothers = body.to_vec();
        anothers[1..33].copy_from_slice(&self.hosts[0].key.public().to_bytes());
        anothers[37..45].copy_from_slice(&900_u64.to_le_bytes());
        let mut foreign = body.to_vec();
        foreign[53..55].copy_from_slice(&Tool::COUNT.to_le_bytes());
        let far = [self.day + 10, self.day - 40].map(|day| {
            let telling = Telling { incarnation: 9, sequence: 9, day, window: WINDOW_DAYS };
            Bundle::sign(&own, telling, &Rows::new()).expect("it is little").bytes()
        });
        let outsider = key(usize::MAX);
        let telling = Telling { incarnation: 1, sequence: 1, day: self.day, window: WINDOW_DAYS };
        let outside = Bundle::sign(&outsider, telling, &rows_of(&self.hosts[at].state, self.day));
        let cut = signed(body[..body.len() - 3].to_vec());
        let [future, old] = far;
        let forged =
            [unsigned, signed(anothers), signed(foreign), future, old, cut, outside.expect("little").bytes()];
        forged.into_iter().for_each(|bytes| self.send(bytes, 4));
    }

    /// What the own rows of some hosts add up to, without any of the mesh.
    fn expected(&self, is_meant: impl Fn(Kind) -> bool) -> BTreeMap<Key, Tallies> {
        let mut sums: BTreeMap<Key, Tallies> = BTreeMap::new();
        for host in self.hosts.iter().filter(|host| is_meant(host.kind)) {
            for (key, row) in rows_of(&host.state, host.telling.day) {
                for (day, counts) in row.days {
                    let sum = sums.entry(key).or_default().entry(day).or_default();
                    sum.ok += u64::from(counts.ok);
                    sum.failed += u64::from(counts.failed);
                    sum.taught += u64::from(counts.taught);
                }
            }
        }
        sums
    }

    /// Whether all honest hosts know the same of each other, and all of each that forked.
    fn is_settled(&self, honest: &Trusted) -> bool {
        let forking = self.hosts.iter().filter(|host| host.kind == Kind::Forking).count();
        let mut hosts = self.hosts.iter().filter(|host| host.kind.is_honest());
        let digest = self.hosts[0].mesh.digest(honest);
        hosts.all(|host| host.mesh.digest(honest) == digest && host.mesh.aside().count() == forking)
    }
}

/// With `CS_THOROUGH=all` a thousand; that takes many minutes, as each of them hears of each.
fn hosts() -> usize {
    match std::env::var("CS_THOROUGH").as_deref() {
        Ok("all") => 1_000,
        Ok(_) => 250,
        Err(_) => 64,
    }
}

#[test]
fn honest_hosts_come_to_the_same_whatever_happens_on_the_way() {
    let count = hosts();
    let mut world = World::new(count);
    for day in 0..DAYS {
        world.pass_day(day);
        world.sweep();
    }
    let honest = world.trusted(Kind::is_honest);
    let sweeps = (0..SWEEPS_MAX).find(|_| {
        let is_settled = world.is_settled(&honest);
        if !is_settled {
            world.sweep();
        }
        is_settled
    });
    let Seen { taken, refused, not_opened } = &world.seen;
    println!(
        "{count} hosts settled after {sweeps:?} sweeps: taken {taken:?}, refused {refused:?}, not opened {not_opened:?}"
    );
    assert!(sweeps.is_some(), "they never came to the same");
    for name in ["untrusted", "set aside", "shrinks"] {
        assert!(refused.contains_key(name), "{name} was never tried");
    }
    for name in ["unsigned", "old", "future", "rows"] {
        assert!(not_opened.contains_key(name), "{name} was never tried");
    }
    assert!(taken.iter().all(|number| *number > 0), "new, known and old");

    let without_revoked = world.trusted(|kind| kind != Kind::Revoked);
    let (by_honest, by_forking) =
        (world.expected(Kind::is_honest), world.trusted(|kind| kind == Kind::Forking));
    for host in world.hosts.iter().filter(|host| host.kind.is_honest()) {
        assert_eq!(host.mesh.values(&honest, world.day), by_honest, "what all of them did, each once");
        assert_eq!(host.mesh.counted(&by_forking).count(), 0, "of who forked nothing counts");
        let counted = host.mesh.counted(&without_revoked).map(|bundle| bundle.replica().node);
        let counted: BTreeSet<_> = counted.collect();
        let is_of = |is_meant: &dyn Fn(Kind) -> bool| {
            let of_kind = world.hosts.iter().filter(|other| is_meant(other.kind));
            of_kind.filter(|other| counted.contains(&other.key.public())).count()
        };
        assert_eq!(is_of(&|kind| kind == Kind::Revoked), 0, "nor of who is trusted no more");
        assert_eq!(counted.len(), is_of(&|_| true), "nor of anybody else");
        let theirs = host.mesh.newest(&world.hosts[0].key.public()).expect("told");
        assert_eq!(theirs.telling().sequence, u64::from(DAYS), "nobody speaks for another");
    }
}
