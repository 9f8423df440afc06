//! The laws of merging, and what is taken of whom.

use proptest::prelude::*;

use super::super::replica::Telling;
use super::super::replica::tests::{key, telling, told};
use super::super::row::tests::{Run, TODAY, failures, form};
use super::*;
use crate::command::shape::HostType;
use crate::model::properties::few;

/// Who trusts the nodes up to a number.
fn trust(nodes: u8) -> Trusted {
    (0..nodes).fold(Trusted::default(), |trust, number| trust.with(&key(number).public()))
}

fn npm() -> Key {
    let form = form("npm ci");
    Key { form, category: form.category(), host: HostType::Workstation }
}

/// So many failures of `npm ci`.
fn bundle(node: u8, sequence: u64, failed: u16) -> Bundle {
    told(node, telling(sequence), &failures("npm ci", 1, failed, TODAY))
}

fn failed(mesh: &Mesh, trust: &Trusted) -> u64 {
    mesh.value(trust, &npm(), TODAY).values().map(|tally| tally.failed).sum()
}

#[test]
fn the_newest_of_each_counts_and_they_add_up() {
    let (mut mesh, trust) = (Mesh::default(), trust(3));
    let mut receive = |bundle| mesh.receive(bundle, &trust, TODAY);
    assert_eq!(receive(bundle(0, 5, 2)), Ok(Taken::New));
    assert_eq!(receive(bundle(0, 5, 2)), Ok(Taken::Known));
    assert_eq!(receive(bundle(0, 3, 1)), Ok(Taken::Old));
    assert_eq!(receive(bundle(0, 3, 1)), Ok(Taken::Known));
    assert_eq!(receive(bundle(0, 6, 3)), Ok(Taken::New));
    assert_eq!(receive(bundle(0, 5, 2)), Ok(Taken::Known), "a replay");
    assert_eq!(receive(bundle(1, 1, 4)), Ok(Taken::New));
    assert_eq!(failed(&mesh, &trust), 7);
    assert_eq!(mesh.values(&trust, TODAY).len(), 1);
    assert_eq!(mesh.value(&trust, &npm(), TODAY + 30).len(), 0, "a month later");
}

#[test]
fn who_is_not_trusted_is_not_heard_and_who_no_longer_is_counts_no_more() {
    let mut mesh = Mesh::default();
    assert_eq!(
        mesh.receive(bundle(2, 1, 4), &trust(2), TODAY),
        Err(Refused::Untrusted(Replica { node: key(2).public(), incarnation: 1 }))
    );
    assert_eq!(mesh, Mesh::default(), "nothing is kept of it");
    mesh.receive(bundle(0, 1, 1), &trust(2), TODAY).expect("trusted");
    mesh.receive(bundle(1, 1, 2), &trust(2), TODAY).expect("trusted");
    let both = mesh.digest(&trust(2));
    assert_eq!((failed(&mesh, &trust(2)), failed(&mesh, &trust(1))), (3, 1));
    assert_ne!(mesh.digest(&trust(1)), both);
    assert_eq!((failed(&mesh, &trust(2)), mesh.digest(&trust(2))), (3, both), "and trusted again");
    assert_eq!(mesh.bundles(&trust(1)).count(), 1, "nor is it told on");
}

#[test]
fn two_things_under_one_number_set_a_replica_aside() {
    let trust = trust(3);
    let forks = [bundle(0, 5, 2), bundle(0, 5, 3)];
    // Whatever else came between, before or after.
    for order in [[0, 1, 2, 3], [3, 1, 2, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
        let all = [forks[0].clone(), forks[1].clone(), bundle(0, 6, 4), bundle(1, 1, 1)];
        let mut mesh = Mesh::default();
        let refused = order.map(|at| mesh.receive(all[at].clone(), &trust, TODAY).is_err());
        assert!(refused.contains(&true), "{order:?}");
        let aside: Vec<Aside> = mesh.aside().collect();
        let mut digests = forks.each_ref().map(Bundle::digest);
        digests.sort();
        let why = Why::Forked { sequence: 5, digests };
        assert_eq!(aside, [Aside { replica: forks[0].replica(), why }], "{order:?}");
        assert_eq!(failed(&mesh, &trust), 1, "nothing of it counts");
        assert!(matches!(mesh.receive(bundle(0, 9, 9), &trust, TODAY), Err(Refused::SetAside(_))));
        // A month later that is still so; only a new incarnation counts.
        mesh.expire(TODAY + 60);
        assert_eq!(mesh.aside().count(), 1);
        let anew = Telling { incarnation: 2, day: TODAY + 60, ..telling(1) };
        let anew = told(0, anew, &failures("npm ci", 1, 1, TODAY + 60));
        assert_eq!(mesh.receive(anew, &trust, TODAY + 60), Ok(Taken::New));
        assert_eq!(mesh.aside().count(), 0);
    }
}

#[test]
fn counts_do_not_shrink() {
    let (mut mesh, trust) = (Mesh::default(), trust(1));
    mesh.receive(bundle(0, 1, 4), &trust, TODAY).expect("new");
    let less = bundle(0, 2, 3);
    let refused = mesh.receive(less.clone(), &trust, TODAY).expect_err("it takes something back");
    assert_eq!(refused, Refused::Shrinks { replica: less.replica(), day: TODAY });
    assert_eq!(failed(&mesh, &trust), 4);
    assert_eq!(mesh.receive(bundle(0, 3, 5), &trust, TODAY), Ok(Taken::New), "the next one does not");
    assert!(matches!(mesh.receive(bundle(0, 2, 5), &trust, TODAY), Err(Refused::SetAside(_))));
    let mut mesh = Mesh::default();
    mesh.receive(bundle(0, 7, 4), &trust, TODAY).expect("new");
    let anew = told(0, Telling { incarnation: 2, ..telling(1) }, &failures("npm ci", 1, 1, TODAY));
    assert_eq!(mesh.receive(anew, &trust, TODAY), Ok(Taken::New));
    assert_eq!(failed(&mesh, &trust), 1, "what was told before is gone");
    assert_eq!(mesh.receive(bundle(0, 8, 9), &trust, TODAY), Ok(Taken::Old), "and does not come back");
}

#[test]
fn what_is_refused_says_what_and_why() {
    let (mut mesh, trust) = (Mesh::default(), trust(1));
    let said =
        |mesh: &mut Mesh, bundle| mesh.receive(bundle, &trust, TODAY).expect_err("refused").to_string();
    let name = key(0).public().fingerprint();
    mesh.receive(bundle(0, 1, 4), &trust, TODAY).expect("new");
    assert_eq!(
        said(&mut mesh, bundle(0, 2, 3)),
        format!(
            "{name} tells less of day 20000 than it did before: it was restored without saying so, or something else has its key"
        )
    );
    let forked = said(&mut mesh, bundle(0, 2, 4));
    assert!(
        forked.starts_with(&format!("{name} is set aside: it told two things as its number 2 (")),
        "{forked}"
    );
    assert!(
        forked.ends_with("so two machines have its key: nothing of it counts until it begins anew"),
        "{forked}"
    );
    assert_eq!(
        said(&mut mesh, bundle(1, 1, 1)),
        format!("{} is not trusted here", key(1).public().fingerprint())
    );
}

#[test]
fn who_sends_too_much_is_set_aside_for_a_while() {
    let known = |from: u64| {
        let mut known = Known::new(Arc::new(bundle(0, from, 1)));
        let digest = |sequence: u64| Digest::of(&sequence.to_le_bytes());
        let more = (from + 1..from + 3_000).map(|sequence| ((sequence, digest(sequence)), TODAY));
        known.seen.extend(more);
        Mesh { nodes: [(key(0).public(), known)].into() }
    };
    let (mut one, mut other) = (known(0), known(10_000));
    let early = one.clone();
    one.merge(&other);
    other.merge(&early);
    assert_eq!(one, other);
    assert_eq!(one.aside().map(|aside| aside.why).collect::<Vec<_>>(), [Why::Flood]);
    assert!(one.nodes.values().all(|known| known.seen.len() == SEEN_MAX));
    one.expire(TODAY + 40);
    assert_eq!(one, Mesh::default());
}

/// Few nodes, incarnations, numbers and contents, so that they collide: bundles made once.
fn universe() -> &'static [Arc<Bundle>] {
    static ALL: std::sync::OnceLock<Vec<Arc<Bundle>>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        for at in 0..36_u16 {
            let telling = Telling {
                incarnation: u32::from(at / 6 % 2) + 1,
                sequence: u64::from(at / 2 % 3) + 1,
                ..telling(0)
            };
            let node = u8::try_from(at / 12).expect("three");
            all.push(Arc::new(told(node, telling, &failures("npm ci", 1, at % 2 + 1, TODAY))));
        }
        all
    })
}

/// What is known after some bundles came in.
fn any_mesh() -> impl Strategy<Value = Mesh> {
    prop::collection::vec(0..universe().len(), 0..14).prop_map(|which| {
        let mut mesh = Mesh::default();
        for at in which {
            let _ = mesh.receive(Arc::clone(&universe()[at]), &trust(3), TODAY);
        }
        mesh
    })
}

fn merged(one: &Mesh, other: &Mesh) -> Mesh {
    let mut one = one.clone();
    one.merge(other);
    one
}

#[test]
fn merging_knows_no_order() {
    few(4, (any_mesh(), any_mesh(), any_mesh()), |(a, b, c)| {
        prop_assert_eq!(merged(&a, &a), a.clone());
        prop_assert_eq!(merged(&a, &Mesh::default()), a.clone());
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        let left = merged(&merged(&a, &b), &c);
        let right = merged(&a, &merged(&b, &c));
        prop_assert_eq!(left.digest(&trust(3)), right.digest(&trust(3)));
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(merged(&left, &b), left, "what is known already changes nothing");
        Ok(())
    });
}

/// What was set aside in either is set aside in both together, unless a newer incarnation took its place.
#[test]
fn merging_forgives_nothing() {
    few(4, (any_mesh(), any_mesh()), |(a, b)| {
        let both = merged(&a, &b);
        for aside in a.aside().chain(b.aside()) {
            let newest = both.newest(&aside.replica.node).expect("known").replica();
            let is_still = both.aside().any(|other| other.replica == aside.replica);
            prop_assert!(is_still || newest.incarnation > aside.replica.incarnation);
        }
        let honest = both.counted(&Trusted::default()).count();
        prop_assert_eq!(honest, 0);
        Ok(())
    });
}

/// Of a host that never took anything back, all come to the same, whatever came first or got lost on the way.
#[test]
fn what_is_honest_comes_to_the_same() {
    few(4, (Just((0..9_usize).collect::<Vec<_>>()).prop_shuffle(), 0..8_usize), |(order, lost)| {
        let honest = |at: usize| {
            let (node, sequence) = (at / 3, at % 3);
            let place = node * 12 + sequence * 2 + usize::from(sequence > 0);
            Arc::clone(&universe()[place])
        };
        let mut mesh = Mesh::default();
        for at in order.into_iter().filter(|at| *at != lost || at % 3 == 2) {
            let taken = mesh.receive(honest(at), &trust(3), TODAY);
            prop_assert!(taken.is_ok(), "{taken:?}");
        }
        let mut newest = Mesh::default();
        for node in 0..3 {
            prop_assert_eq!(newest.receive(honest(node * 3 + 2), &trust(3), TODAY), Ok(Taken::New));
        }
        prop_assert_eq!(mesh.digest(&trust(3)), newest.digest(&trust(3)));
        prop_assert_eq!(mesh.aside().count(), 0);
        Ok(())
    });
}

#[test]
fn a_run_of_yesterday_is_no_run_of_today() {
    let run = |day| Run { line: "npm ci", project: 1, session: 1, day, is_ok: true };
    let (mut mesh, trust) = (Mesh::default(), trust(1));
    mesh.receive(told(0, telling(1), &[run(TODAY), run(TODAY - 1)]), &trust, TODAY).expect("new");
    let value = mesh.value(&trust, &npm(), TODAY);
    assert_eq!(
        value.into_iter().map(|(day, tally)| (day, tally.ok)).collect::<Vec<_>>(),
        [(TODAY - 1, 1), (TODAY, 1)]
    );
}
