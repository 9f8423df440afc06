//! What others may say, and how little it weighs.

use proptest::prelude::*;

use super::super::replica::Telling;
use super::super::replica::tests::{key, telling, told};
use super::super::row::tests::{Run, TODAY, failures, form, learned};
use super::super::row::{COUNT_DAY_MAX, Rows};
use super::*;
use crate::command::shape::Category;
use crate::learn::Number;
use crate::learn::pattern::Day;
use crate::model::properties::few;

const OWN: u8 = 0;

fn trust() -> Trusted {
    (0..12).fold(Trusted::default(), |trust, number| trust.with(&key(number).public()))
}

/// What node after node has told, beginning with the first of the others.
fn mesh(others: &[Vec<Run>]) -> Mesh {
    let mut mesh = Mesh::default();
    for (number, runs) in (1..).zip(others) {
        mesh.receive(told(number, telling(1), runs), &trust(), TODAY).expect("new");
    }
    mesh
}

fn said(local: &State, mesh: &Mesh, line: &str) -> Option<String> {
    said_on(HostType::Workstation, local, mesh, line)
}

fn said_on(host: HostType, local: &State, mesh: &Mesh, line: &str) -> Option<String> {
    let trust = trust();
    let view = View { local, mesh, trust: &trust, own: key(OWN).public(), host, today: TODAY };
    view.streak(&form(line)).map(|told| {
        let class = told.class.and_then(ErrorClass::text).unwrap_or_default();
        format!("`{}` failed on {}: {class}", told.form, told.machines)
    })
}

fn streak(sessions: u16) -> Vec<Run> {
    failures("npm ci", 1, sessions, TODAY - 1)
}

fn worked(line: &'static str, day: u16) -> Run {
    Run { line, project: 7, session: 1, day, is_ok: true }
}

#[test]
fn what_failed_on_two_other_machines_is_told() {
    let local = State::default();
    let told = "`npm ci` failed on 2: command not found";
    assert_eq!(said(&local, &mesh(&[streak(3), streak(4)]), "npm ci").as_deref(), Some(told));
    assert_eq!(said(&local, &mesh(&[streak(3)]), "npm ci"), None, "one is not enough");
    assert_eq!(said(&local, &mesh(&[streak(3), streak(2)]), "npm ci"), None, "nor are two sessions");
    assert_eq!(said(&local, &mesh(&[streak(3), streak(3)]), "pytest -x"), None);
    let host = HostType::LoginNode;
    assert_eq!(said_on(host, &local, &mesh(&[streak(3), streak(3)]), "npm ci"), None, "another kind of host");
    let three = said(&local, &mesh(&[streak(3), streak(3), streak(3)]), "npm ci").expect("told");
    assert!(three.contains("on 3:"), "{three}");
}

#[test]
fn what_works_somewhere_is_weighed_against_it() {
    let mesh_with = |more: &[Vec<Run>]| mesh(&[&[streak(3), streak(3)], more].concat());
    let local = learned(&[worked("npm ci", TODAY - 20)], HostType::Workstation);
    assert_eq!(said(&local, &mesh_with(&[]), "npm ci"), None, "it works here");
    let local = learned(&streak(2), HostType::Workstation);
    assert!(said(&local, &mesh_with(&[]), "npm ci").is_some(), "it does not");
    let works = vec![worked("npm ci", TODAY)];
    assert!(said(&local, &mesh_with(std::slice::from_ref(&works)), "npm ci").is_some(), "on one of three");
    assert_eq!(said(&local, &mesh_with(&[works.clone(), works]), "npm ci"), None, "on as many");
}

#[test]
fn by_its_own_counts_it_may_have_worked_since() {
    // A host that tells of a streak, and counts a success after it.
    let bundle = |number: u8, ok_day: Option<u16>| {
        let mut rows = super::super::row::rows_of(&learned(&streak(3), HostType::Workstation), TODAY);
        for row in rows.values_mut() {
            row.days.extend(ok_day.map(|day| (day, Day { ok: 1, failed: 0, taught: 0 })));
        }
        Bundle::sign(&key(number), telling(1), &rows).expect("little")
    };
    for (day, is_said) in [(None, true), (Some(TODAY - 2), true), (Some(TODAY), false)] {
        let mut mesh = Mesh::default();
        for number in [1, 2] {
            mesh.receive(bundle(number, day), &trust(), TODAY).expect("new");
        }
        assert_eq!(said(&State::default(), &mesh, "npm ci").is_some(), is_said, "{day:?}");
    }
}

#[test]
fn what_this_host_told_is_no_news_to_it_and_old_news_is_none() {
    let mut mesh = mesh(&[streak(3)]);
    mesh.receive(told(OWN, telling(1), &streak(4)), &trust(), TODAY).expect("new");
    assert_eq!(said(&State::default(), &mesh, "npm ci"), None);
    let mesh = self::mesh(&[streak(3), streak(3)]);
    let trust = trust();
    let on = |today: u16| {
        let local = State::default();
        View {
            local: &local,
            mesh: &mesh,
            trust: &trust,
            own: key(OWN).public(),
            host: HostType::Workstation,
            today,
        }
        .streak(&form("npm ci"))
        .is_some()
    };
    assert_eq!((on(TODAY + 28), on(TODAY + 29)), (true, false));
}

#[test]
fn how_it_failed_is_said_where_most_agree() {
    let rows = |class: ErrorClass| -> Rows {
        let mut rows = super::super::row::rows_of(&learned(&streak(3), HostType::Workstation), TODAY);
        rows.values_mut().for_each(|row| row.failing = Some(class));
        rows
    };
    let told_of = |classes: &[ErrorClass]| {
        let mut mesh = Mesh::default();
        for (number, class) in (1..).zip(classes) {
            let bundle = Bundle::sign(&key(number), telling(1), &rows(*class)).expect("little");
            mesh.receive(bundle, &trust(), TODAY).expect("new");
        }
        said(&State::default(), &mesh, "npm ci").expect("told")
    };
    assert!(told_of(&[ErrorClass::Quota, ErrorClass::Usage]).ends_with(": "));
    assert!(told_of(&[ErrorClass::Quota, ErrorClass::Usage, ErrorClass::Quota]).ends_with(": quota"));
}

fn pattern_key() -> pattern::Key {
    let form = form("npm ci");
    pattern::Key { project: Number(7), host: HostType::Workstation, category: form.category(), form }
}

fn confidence(local: &State, mesh: &Mesh) -> Confidence {
    let trust = trust();
    let own = local.patterns.get(&pattern_key()).cloned().unwrap_or_default();
    View { local, mesh, trust: &trust, own: key(OWN).public(), host: HostType::Workstation, today: TODAY }
        .confidence(&own, &pattern_key().form)
}

#[test]
fn alone_it_is_what_the_pattern_says() {
    let runs: Vec<Run> = (0..9).map(|ago| worked("npm ci", TODAY - ago)).collect();
    let local = learned(&runs, HostType::Workstation);
    let own = local.patterns.get(&pattern_key()).expect("known").confidence(TODAY);
    let alone = confidence(&local, &Mesh::default());
    assert!((alone.value - own).abs() < 1e-12 && alone.foreign == 0.0, "{alone:?}");
    // This host's own rows are no other's word.
    let mut mesh = Mesh::default();
    mesh.receive(told(OWN, telling(1), &runs), &trust(), TODAY).expect("new");
    assert_eq!(confidence(&local, &mesh), alone);
    // One success of another's counts like one of its own would.
    let little = confidence(&local, &self::mesh(&[vec![worked("npm ci", TODAY)]]));
    assert!(little.value > own && little.foreign < 0.2, "{little:?}");
    let unknown = confidence(&State::default(), &Mesh::default());
    assert!((unknown.value - 0.5).abs() < 1e-12, "{unknown:?}");
}

/// However many they are, and whatever they count.
#[test]
fn liars_weigh_a_quarter_at_most() {
    few(
        4,
        (
            prop::collection::vec(
                prop::collection::vec((0..30_u16, 0..=COUNT_DAY_MAX, 0..=COUNT_DAY_MAX), 1..6),
                1..11,
            ),
            prop::collection::vec((0..30_u16, any::<bool>()), 0..20),
        ),
        |(lies, own)| {
            let runs: Vec<Run> = own
                .iter()
                .map(|(ago, is_ok)| Run { is_ok: *is_ok, ..worked("npm ci", TODAY - ago) })
                .collect();
            let local = learned(&runs, HostType::Workstation);
            let pattern_key = pattern_key();
            let key_told =
                Key { form: pattern_key.form, category: pattern_key.category, host: pattern_key.host };
            // The same form, called something else, is not counted at all.
            let elsewhere = Key { category: Category::Game, ..key_told };
            let mut mesh = Mesh::default();
            for (number, days) in (1..).zip(lies) {
                let days = days.into_iter().filter(|(_, ok, failed)| ok + failed > 0);
                let days =
                    days.map(|(ago, ok, failed)| (TODAY - ago, Day { ok, failed, taught: 0 })).collect();
                let row = Row { days, failing: None, streak: None };
                let rows: Rows = [(key_told, row.clone()), (elsewhere, row)].into();
                let telling = Telling { incarnation: 9, ..telling(u64::MAX) };
                let bundle = Bundle::sign(&key(number), telling, &rows).expect("it is little");
                prop_assert!(mesh.receive(bundle, &trust(), TODAY).is_ok());
            }
            let alone = confidence(&local, &Mesh::default());
            let with = confidence(&local, &mesh);
            prop_assert!((0.0..=0.25 + 1e-9).contains(&with.foreign), "{with:?}");
            prop_assert!((0.0..=1.0).contains(&with.value), "{with:?}");
            prop_assert!((with.value - alone.value).abs() <= 0.25 + 1e-9, "{alone:?} {with:?}");
            Ok(())
        },
    );
}
