//! Who begins anew, who falls silent, and what older files say.

use super::*;
use crate::command::shape::{HostType, Outcome};
use crate::crypto::Secret;
use crate::learn::{Item, Number, State, Told as Ran};
use crate::mesh::rows_of;

const TODAY: u16 = 20_454;

fn key() -> NodeKey {
    NodeKey::new(&Secret::take(&mut [9; 32]))
}

/// What was learned by so many calls.
fn rows(calls: u16) -> Rows {
    let mut state = State::default();
    for session in 0..calls {
        let ran = Ran {
            tool: "Bash",
            command: Some("git status"),
            outcome: Outcome::Ok,
            printed: "",
            status: None,
            duration_ms: 0,
        };
        let item = ran.observe(HostType::Workstation, TODAY, Number(1), Number(session + 1));
        state.take(&Item::Call(item));
    }
    rows_of(&state, TODAY)
}

/// A home, and how often it learns something.
#[derive(Clone, Default)]
struct Home {
    shared: Shared,
    calls: u16,
}

impl Home {
    /// Hears what others have of it, and tells what it has learned by then.
    fn meet(&mut self, others: &mut Mesh, today: u16) {
        self.calls += 1;
        self.shared.mesh.merge(others);
        let (key, rows) = (key(), rows(self.calls));
        let tale = Tale { key: &key, rows: &rows, today, window: WINDOW_DAYS };
        let (mesh, mut teller) = self.shared.parts(&tale);
        teller.renew(mesh).expect("told");
        others.merge(&self.shared.mesh);
    }

    fn incarnation(&self) -> u32 {
        self.shared.mesh.newest(&key().public()).expect("told").telling().incarnation
    }
}

#[test]
fn a_backup_that_comes_back_now_and_then_is_no_other_machine() {
    let (mut home, mut others) = (Home::default(), Mesh::default());
    for weeks in [0, 3, 6, 9] {
        let today = TODAY + weeks * 7;
        home.meet(&mut others, today);
        let backup = home.clone();
        // In between it begins anew for a reason of its own, and does not know any more.
        for _ in 0..2 {
            home.shared.begin_anew("", &key().public());
            home.meet(&mut others, today);
        }
        home = Home { calls: home.calls, ..backup };
        let before = home.incarnation();
        home.meet(&mut others, today + 1);
        assert!(home.incarnation() > before + 2, "it begins anew");
        assert_eq!(home.shared.twin_since(), None, "{weeks}");
    }
    // Nor is the same backup that comes back twice in a day.
    let backup = home.clone();
    for _ in 0..4 {
        home = Home { calls: home.calls, ..backup.clone() };
        home.meet(&mut others, TODAY + 80);
        home.meet(&mut others, TODAY + 80);
        assert_eq!(home.shared.twin_since(), None);
    }
}

#[test]
fn two_that_outdo_each_other_fall_silent() {
    let (mut one, mut others) = (Home::default(), Mesh::default());
    one.meet(&mut others, TODAY);
    let mut other = one.clone();
    for day in 0..10 {
        one.meet(&mut others, TODAY + day);
        other.meet(&mut others, TODAY + day);
    }
    assert!(one.shared.twin_since().is_some() && other.shared.twin_since().is_some());
    let last = others.newest(&key().public()).expect("told").telling();
    assert!(last.incarnation < 8 && last.day < TODAY + 6, "{last:?}");
    // One of them has another key from now on: the other one goes on.
    assert!(one.shared.part(&key(), TODAY + 10).expect("signed"));
    others.merge(&one.shared.mesh);
    assert!(one.shared.parting().is_some_and(is_parting));
    other.meet(&mut others, TODAY + 10);
    assert_eq!((other.shared.twin_since(), other.incarnation()), (None, last.incarnation + 2));
    one.shared.mesh.merge(&others);
    assert!(one.shared.parting().is_none(), "it was heard");
    assert!(!one.shared.part(&key(), TODAY + 10).expect("nothing to do"));
    let read = Shared::decode(&one.shared.encode());
    assert_eq!(read, Ok(one.shared));
}

/// It remembered what lay somewhere, and not where.
#[test]
fn a_file_of_format_1_says_what_it_said_and_nothing_begins_anew() {
    let (mut home, mut others) = (Home::default(), Mesh::default());
    home.meet(&mut others, TODAY);
    let told = home.shared.told.expect("told");
    let mut bytes = vec![1, 1];
    bytes.extend(told.incarnation.to_le_bytes());
    bytes.extend(told.sequence.to_le_bytes());
    bytes.extend(told.digest.to_bytes());
    bytes.extend(TODAY.to_le_bytes());
    bytes.extend(7_u32.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(key().public().to_bytes());
    bytes.push(40);
    bytes.extend("a".repeat(40).bytes());
    home.shared.mesh.encode(&mut bytes);
    home.shared = Shared::decode(&bytes).expect("format 1");
    assert_eq!((home.shared.told, home.shared.may_send(TODAY)), (Some(told), DAY_BYTES_MAX - 7));
    assert!(!home.shared.has_left("file:///x", &key().public()), "nobody knows where");
    home.meet(&mut others, TODAY);
    assert_eq!(home.incarnation(), told.incarnation);
    assert_eq!(home.shared.encode()[0], FORMAT);
    assert_eq!(Shared::decode(&[FORMAT + 1]), Err(true));
}
