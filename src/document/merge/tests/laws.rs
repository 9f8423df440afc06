//! The laws, over generated documents and declarations.

use proptest::prelude::*;

use std::collections::HashSet;

use super::*;

/// JSON text with all the white space that people, tools and accidents leave.
fn any_text() -> impl Strategy<Value = String> {
    let space = || prop_oneof![4 => Just(""), 2 => Just(" "), 1 => Just("\n"), 1 => Just("\n\n  "), 1 => Just("\t"), 1 => Just("\r\n  ")];
    let scalar = prop_oneof![
        Just("1".to_owned()),
        Just("1e2".to_owned()),
        Just("\"a\"".to_owned()),
        Just("\"\\u0061\\\"],{\"".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"é\"".to_owned()),
        Just("12345678901234567890".to_owned()),
        Just("[]".to_owned()),
        Just("{ }".to_owned()),
    ];
    let element = prop_oneof![Just("\"a\""), Just("\"b\""), Just("\"c\""), Just("1"), Just("{\"x\": [ ]}")];
    let list =
        (prop::collection::vec((space(), element, space()), 0..4), space()).prop_map(|(items, inner)| {
            let items: Vec<_> = items.iter().map(|(a, e, b)| format!("{a}{e}{b}")).collect();
            if items.is_empty() { format!("[{inner}]") } else { format!("[{}]", items.join(",")) }
        });
    let object = move |names: &'static [&'static str], value: BoxedStrategy<String>| {
        let members = prop::sample::subsequence(names, 0..=names.len()).prop_shuffle();
        (members, prop::collection::vec((space(), space(), space(), value, space()), names.len()), space())
            .prop_map(|(names, parts, inner)| {
                let member = |(name, (a, b, c, v, d)): (&&str, &(&str, &str, &str, String, &str))| {
                    format!("{a}\"{name}\"{b}:{c}{v}{d}")
                };
                let members: Vec<_> = names.iter().zip(&parts).map(member).collect();
                if members.is_empty() { format!("{{{inner}}}") } else { format!("{{{}}}", members.join(",")) }
            })
    };
    let permissions = object(&["allow", "deny"], list.clone().boxed()).boxed();
    let hook = prop_oneof![
        Just(r#"{"hooks":[{"type":"command","command":"theirs"}]}"#.to_owned()),
        Just(r#"{ "matcher": "Bash", "hooks": [ {"type": "command", "command": "h1"}, {"type":"command","command":"z"} ] }"#.to_owned()),
    ];
    let groups = prop::collection::vec(hook, 0..3).prop_map(|groups| format!("[{}]", groups.join(", ")));
    let hooks = object(&["Stop", "PreToolUse"], groups.boxed()).boxed();
    let env = object(&["A", "B"], Just("\"1\"".to_owned()).boxed()).boxed();
    // One object whose members are of their own kinds.
    (
        object(&["model", "x", "y"], scalar.boxed()),
        prop::option::of(permissions),
        prop::option::of(hooks),
        prop::option::of(env),
        (space(), space(), any::<bool>()),
    )
        .prop_map(|(base, permissions, hooks, env, (lead, tail, bom))| {
            let named = [("permissions", permissions), ("hooks", hooks), ("env", env)];
            let extra: Vec<String> =
                named.into_iter().filter_map(|(name, text)| Some(format!("\"{name}\": {}", text?))).collect();
            let inner = base[1..base.len() - 1].to_owned();
            let body = match (inner.trim().is_empty(), extra.is_empty()) {
                (_, true) => base,
                (true, false) => format!("{{{}}}", extra.join(",")),
                (false, false) => format!("{{{inner},\n  {}}}", extra.join(",\n  ")),
            };
            format!("{}{lead}{body}{tail}", if bom { "\u{feff}" } else { "" })
        })
}

fn any_desired() -> impl Strategy<Value = Vec<Declared>> {
    let all = vec![
        value("model", json!("opus")),
        value("x", json!(1)),
        value("y", json!({"deep": [1]})),
        value("env.A", json!("2")),
        value("env.C", json!("3")),
        value("new.deep.er", json!(true)),
        unset("env.B"),
        default("z", json!([])),
        default("x2", json!("d")),
        allow("a"),
        allow("d"),
        forbid("b"),
        hook("Stop", "", "~/h0"),
        hook("PreToolUse", "Bash", "h1"),
        forbid("a"),
        forbid("c"),
        unset("x"),
        unset("model"),
        default("model", json!("dm")),
        hook("PreToolUse", "Edit", "h2"),
        value("empty", json!({})),
    ];
    let count = all.len();
    // One declaration per entry, as the profile makes sure of.
    prop::sample::subsequence(all, 0..=count).prop_shuffle().prop_map(|declared| {
        let mut seen = HashSet::new();
        declared.into_iter().filter(|declared| seen.insert(name_of(&declared.key, HOME))).collect()
    })
}

fn other_edit(value: &mut Value, which: u8) {
    let Some(object) = value.as_object_mut() else { return };
    match which {
        0 => drop(object.insert("theirs".into(), json!({"k": [1]}))),
        1 => drop(object.shift_remove("x")),
        2 => drop(object.shift_remove("model")),
        3 => drop(object.insert("y".into(), json!("their y"))),
        4 => {
            if let Some(list) = value.pointer_mut("/permissions/deny").and_then(Value::as_array_mut) {
                list.reverse();
            }
        }
        _ => {}
    }
}

/// The value with the elements of each list in one order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.into_iter().map(sorted).collect();
            items.sort_by_key(canonical);
            Value::Array(items)
        }
        Value::Object(members) => members.into_iter().map(|(key, own)| (key, sorted(own))).collect(),
        scalar => scalar,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn uninstall_after_apply_is_the_identity_on_bytes(text in any_text(), a in any_desired(), b in any_desired()) {
        let Ok(merged) = World::of(&text).try_merge(&a, LettingGo::Undeclared, &[]) else { return Ok(()) };
        let world = World::of(&text).take(merged);
        let uninstalled = world.clone().uninstall();
        prop_assert_eq!(uninstalled.text(), &text);
        let undeclared = world.clone().apply(&[]);
        prop_assert_eq!(undeclared.text(), &text);
        if let Ok(merged) = world.try_merge(&b, LettingGo::Undeclared, &[]) {
            let world = world.take(merged);
            let parse = |text: &str| -> Value {
                serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("JSON")
            };
            prop_assert_eq!(parse(world.uninstall().text()), parse(&text));
        }
    }

    #[test]
    fn applying_twice_does_nothing_the_second_time(text in any_text(), desired in any_desired()) {
        let Ok(merged) = World::of(&text).try_merge(&desired, LettingGo::Undeclared, &[]) else { return Ok(()) };
        let once = World::of(&text).take(merged);
        let twice = once.clone().apply(&desired);
        prop_assert_eq!(&once.text, &twice.text);
        prop_assert_eq!(&once.ledger, &twice.ledger);
        prop_assert_eq!(twice.actions(), vec![]);
    }

    #[test]
    fn what_others_do_in_between_is_what_remains(text in any_text(), desired in any_desired(), which in 0u8..5) {
        let text = reprint(&text, |_| ());
        // Nobody can remove what we keep absent.
        let removed = [None, Some(pointer("x")), Some(pointer("model"))].into_iter().nth(which.into()).flatten();
        let is_kept_absent = |declared: &Declared| {
            declared.want == Want::Absent && Some(declared.key.pointer()) == removed
        };
        if desired.iter().any(is_kept_absent) {
            return Ok(());
        }
        let Ok(merged) = World::of(&text).try_merge(&desired, LettingGo::Undeclared, &[]) else { return Ok(()) };
        let world = World::of(&text).take(merged).reprint(|v| other_edit(v, which)).uninstall();
        let expected = reprint(&text, |v| other_edit(v, which));
        prop_assert_eq!(world.text(), expected);
    }

    #[test]
    fn the_order_of_declarations_does_not_matter_to_the_value(text in any_text(), desired in any_desired()) {
        let mut reversed = desired.clone();
        reversed.reverse();
        let run = |desired: &[Declared]| {
            let world = World::of(&text);
            let merged = world.try_merge(desired, LettingGo::Undeclared, &[]).ok()?;
            let text = world.take(merged).text?;
            serde_json::from_str(text.trim_start_matches('\u{feff}')).ok().map(sorted)
        };
        let (there, back) = (run(&desired), run(&reversed));
        prop_assert!(same(there.as_ref(), back.as_ref()), "{:?} is not {:?}", there, back);
    }
}
