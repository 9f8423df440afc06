//! `[settings]`, `[defaults]` and `[unset]` say different things about a key: a key is in one of them.
//!
//! Within one layer a key in two of them is a mistake. Across layers the later one has it.

use std::collections::HashSet;

use super::diagnostic::{Report, Spot};
use super::tree::{Entry, Table, Value, table};
use crate::model::{Pointer, key, sets};

const RIVALS: [&str; 3] = ["settings", "defaults", "unset"];

/// A key that two tables lay claim to.
struct Clash {
    pointer: Pointer,
    first: Spot,
    second: Spot,
}

/// Reports every key that one layer has in two of the three tables.
pub(super) fn within(tables: &Table, report: &mut Report) {
    for (at, first) in RIVALS.iter().enumerate() {
        for second in &RIVALS[at + 1..] {
            let (Some(a), Some(b)) = (table(tables, first), table(tables, second)) else { continue };
            let mut found = Vec::new();
            clashes(a, b, &mut Vec::new(), by_element(first, second), &mut found);
            for clash in found {
                let other = report.origin(clash.first);
                let name = key::dotted(&clash.pointer);
                report
                    .error(
                        clash.second,
                        format!("`{name}` is under [{second}] here and under [{first}] at {other}"),
                    )
                    .help("a key is enforced, a default or absent: keep one of them");
            }
        }
    }
}

/// Takes what `section` of a later layer says out of the two other tables of an earlier one.
pub(super) fn give_way(base: &mut Table, section: &str, over: &Entry) {
    let Some(over) = over.node.table().filter(|_| RIVALS.contains(&section)) else { return };
    for rival in RIVALS.iter().filter(|rival| **rival != section) {
        if let Some(rival_table) = base.get_mut(*rival).and_then(|entry| entry.node.table_mut()) {
            subtract(rival_table, over, &mut Vec::new(), by_element(rival, section));
        }
    }
}

/// A default list is one value; `[settings]` and `[unset]` speak of the elements of a set.
fn by_element(a: &str, b: &str) -> bool {
    a != "defaults" && b != "defaults"
}

fn clashes(a: &Table, b: &Table, pointer: &mut Pointer, by_element: bool, found: &mut Vec<Clash>) {
    for (name, second) in b {
        let Some(first) = a.get(name) else { continue };
        pointer.push(name.clone());
        match (&first.node.value, &second.node.value) {
            (Value::Table(inner), Value::Table(other)) if !inner.is_empty() && !other.is_empty() => {
                clashes(inner, other, pointer, by_element, found);
            }
            (Value::List(items), Value::List(others)) if by_element && sets::is_set(pointer) => {
                let taken: HashSet<&str> = items.iter().filter_map(|node| node.text()).collect();
                let both = others.iter().find(|node| node.text().is_some_and(|text| taken.contains(text)));
                found.extend(both.map(|node| Clash {
                    pointer: pointer.clone(),
                    first: first.at,
                    second: node.at,
                }));
            }
            _ => found.push(Clash { pointer: pointer.clone(), first: first.at, second: second.at }),
        }
        pointer.pop();
    }
}

fn subtract(base: &mut Table, over: &Table, pointer: &mut Pointer, by_element: bool) {
    for (name, second) in over {
        let Some(first) = base.get_mut(name) else { continue };
        pointer.push(name.clone());
        let emptied = match (&mut first.node.value, &second.node.value) {
            (Value::Table(inner), Value::Table(other)) if !inner.is_empty() && !other.is_empty() => {
                subtract(inner, other, pointer, by_element);
                inner.is_empty()
            }
            (Value::List(items), Value::List(others)) if by_element && sets::is_set(pointer) => {
                let gone: HashSet<&str> = others.iter().filter_map(|node| node.text()).collect();
                items.retain(|node| node.text().is_none_or(|text| !gone.contains(text)));
                items.is_empty()
            }
            _ => true,
        };
        pointer.pop();
        if emptied {
            base.remove(name);
        }
    }
}
