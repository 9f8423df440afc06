//! Every row and every sentence of the ownership table, by name, and the laws.

use serde_json::{Value, json};

use super::decide::same;
use super::*;
use crate::document::splice;
use crate::document::value::equal;

const HOME: Option<&str> = Some("/home/me");

fn origin() -> Origin {
    Origin { file: "p.toml".into(), line: 1, hook: None }
}

fn declared(key: Key, want: Want) -> Declared {
    Declared { key, want, origin: origin(), secrets: Vec::new() }
}

fn pointer(dotted: &str) -> Pointer {
    dotted.split('.').map(str::to_owned).collect()
}

fn value(at: &str, value: Value) -> Declared {
    declared(Key::Value(pointer(at)), Want::Enforced(value))
}

fn default(at: &str, value: Value) -> Declared {
    declared(Key::Value(pointer(at)), Want::Default(value))
}

fn unset(at: &str) -> Declared {
    declared(Key::Value(pointer(at)), Want::Absent)
}

fn allow(rule: &str) -> Declared {
    let key = Key::Element { list: pointer("permissions.allow"), value: rule.into() };
    declared(key, Want::Enforced(rule.into()))
}

fn forbid(rule: &str) -> Declared {
    declared(Key::Element { list: pointer("permissions.allow"), value: rule.into() }, Want::Absent)
}

fn hook(event: &str, matcher: &str, command: &str) -> Declared {
    let entry = json!({"type": "command", "command": command, "timeout": 5});
    declared(Key::Hook(HookId::new(event, Some(matcher), command)), Want::Enforced(entry))
}

/// A file and its ledger, as they go through applies and other people's edits.
#[derive(Debug, Clone)]
struct World {
    text: Option<String>,
    ledger: DocumentLedger,
    changes: Vec<(String, Action)>,
    adopts: bool,
}

impl World {
    fn of(text: &str) -> Self {
        Self {
            text: Some(text.to_owned()),
            ledger: DocumentLedger::default(),
            changes: Vec::new(),
            adopts: false,
        }
    }

    fn nothing() -> Self {
        Self { text: None, ..Self::of("") }
    }

    fn try_merge(
        &self,
        desired: &[Declared],
        letting_go: LettingGo,
        leaving: &[String],
    ) -> Result<Merged, Refusal> {
        merge(&MergeInput {
            bases: Bases { current: &self.ledger, other: None },
            live: self.text.as_deref(),
            desired,
            adopts: self.adopts,
            letting_go,
            leaving,
            returning: &[],
            home: HOME,
        })
    }

    fn take(mut self, merged: Merged) -> Self {
        check_forms(self.text.as_deref(), &merged);
        self.text = merged.text;
        self.ledger = merged.ledger;
        self.changes = merged.changes.iter().map(|change| (change.key.to_string(), change.action)).collect();
        self
    }

    fn apply(self, desired: &[Declared]) -> Self {
        let merged = self.try_merge(desired, LettingGo::Undeclared, &[]).expect("merges");
        self.take(merged)
    }

    fn uninstall(self) -> Self {
        let merged = self.try_merge(&[], LettingGo::Back, &[]).expect("merges");
        self.take(merged)
    }

    fn edit(mut self, edit: impl FnOnce(String) -> String) -> Self {
        self.text = self.text.map(edit);
        self
    }

    fn replace(self, from: &str, to: &str) -> Self {
        self.edit(|text| {
            assert!(text.contains(from), "{from:?} is not in {text}");
            text.replace(from, to)
        })
    }

    /// As the client writes: parsed, changed, printed with two spaces.
    fn reprint(self, change: impl FnOnce(&mut Value)) -> Self {
        self.edit(|text| reprint(&text, change))
    }

    fn text(&self) -> &str {
        self.text.as_deref().expect("there is a file")
    }

    fn value(&self) -> Value {
        serde_json::from_str(self.text()).expect("valid JSON")
    }

    fn actions(&self) -> Vec<Action> {
        self.changes.iter().map(|(_, action)| *action).collect()
    }
}

fn reprint(text: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("valid JSON");
    change(&mut value);
    serde_json::to_string_pretty(&value).expect("prints") + "\n"
}

/// The three forms of an edit say the same: text, splices, RFC 6902 patch.
fn check_forms(live: Option<&str>, merged: &Merged) {
    let before = live.unwrap_or("{}\n");
    let Some(after) = &merged.text else { return };
    assert_eq!(splice::apply(before, &merged.splices).as_deref(), Some(after.as_str()));
    assert_eq!(splice::apply(after, &splice::invert(&merged.splices)).as_deref(), Some(before));
    let parse =
        |text: &str| serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')).expect("valid JSON");
    let mut patched = parse(before);
    let patch: json_patch::Patch = serde_json::from_value(merged.patch.clone()).expect("a patch");
    json_patch::patch(&mut patched, &patch).expect("applies");
    assert!(equal(&patched, &parse(after)), "{patched} is not {after}");
}

// ---- the table, row by row

#[test]
fn desired_and_not_live_is_added() {
    let world = World::of("{\n  \"a\": 1\n}\n").apply(&[value("model", json!("opus"))]);
    assert_eq!(world.text(), "{\n  \"a\": 1,\n  \"model\": \"opus\"\n}\n");
    assert_eq!(world.actions(), [Action::Add]);
    assert_eq!(world.ledger.rows[0].how, How::Added);
}

#[test]
fn desired_and_live_equal_and_not_ours_is_coincident_and_stays_when_we_let_go() {
    let before = "{\"model\": \"opus\", \"permissions\": {\"allow\": [\"Bash(ls)\"]}}";
    let world = World::of(before).apply(&[value("model", json!("opus")), allow("Bash(ls)")]);
    assert_eq!(world.text(), before);
    assert_eq!(world.actions(), [Action::Coincide, Action::Coincide]);
    let world = world.apply(&[]);
    assert_eq!((world.text(), world.actions()), (before, vec![Action::Leave, Action::Leave]));
    assert!(world.ledger.rows.is_empty());
}

#[test]
fn desired_and_live_different_and_not_ours_is_replaced_and_comes_back() {
    let before = "{\"model\": \"son\\u006eet\", \"n\": 1e2}";
    let world = World::of(before).apply(&[value("model", json!("opus")), value("n", json!(5))]);
    assert_eq!(world.text(), "{\"model\": \"opus\", \"n\": 5}");
    assert_eq!(world.actions(), [Action::Override, Action::Override]);
    let world = world.apply(&[]);
    assert_eq!((world.text(), world.actions()), (before, vec![Action::Restore, Action::Restore]));
}

#[test]
fn owned_as_written_and_not_desired_any_more_is_removed() {
    let world = World::of("{}").apply(&[value("model", json!("opus")), allow("Bash(ls)")]);
    let world = world.apply(&[allow("Bash(ls)")]);
    assert_eq!(world.value(), json!({"permissions": {"allow": ["Bash(ls)"]}}));
    assert_eq!(world.actions(), [Action::Remove]);
}

#[test]
fn owned_and_changed_by_others_and_desired_is_drift_and_reasserted() {
    let desired = [value("model", json!("opus")), allow("Bash(ls)"), hook("Stop", "", "true")];
    let world = World::of("{}").apply(&desired).reprint(|v| {
        v["model"] = json!("haiku");
        v["permissions"]["allow"] = json!([]);
        v["hooks"]["Stop"][0]["hooks"][0]["timeout"] = json!(60);
    });
    let world = world.apply(&desired);
    assert_eq!(world.actions(), [Action::Reassert; 3]);
    assert_eq!(world.value()["model"], "opus");
    assert_eq!(
        world.value()["hooks"]["Stop"],
        json!([{"hooks": [{"type": "command", "command": "true", "timeout": 5}]}])
    );
    // What the others wrote is the newest value that is not ours: it comes back.
    assert_eq!(world.apply(&[]).value()["model"], "haiku");
}

#[test]
fn owned_and_changed_by_others_and_not_desired_is_theirs_now() {
    let world =
        World::of("{}").apply(&[value("model", json!("opus"))]).reprint(|v| v["model"] = json!("haiku"));
    let world = world.apply(&[]);
    assert_eq!((world.value(), world.actions()), (json!({"model": "haiku"}), vec![Action::Release]));
}

#[test]
fn owned_and_deleted_by_others_comes_back_only_when_desired_and_what_it_displaced_never() {
    let desired = [value("model", json!("opus")), allow("Bash(ls)")];
    let world = World::of("{\"model\":\"sonnet\"}").apply(&desired);
    let world = world.reprint(|v| *v = json!({}));
    assert_eq!(world.clone().apply(&[]).value(), json!({}));
    let world = world.apply(&desired);
    assert_eq!(world.actions(), [Action::Reassert, Action::Reassert]);
    assert_eq!(world.uninstall().value(), json!({}));
}

// ---- the sentences under it

#[test]
fn adopted_goes_when_undeclared_and_stays_on_uninstall() {
    let declared = [value("model", json!("opus"))];
    let found = World { adopts: true, ..World::of("{\"model\":\"opus\"}") };
    let world = found.apply(&declared);
    assert_eq!((world.text(), &world.ledger.rows[0].how), ("{\"model\":\"opus\"}", &How::Adopted));
    let world = world.apply(&declared);
    assert_eq!(world.changes, []);
    assert_eq!(world.clone().uninstall().text(), "{\"model\":\"opus\"}");
    assert_eq!(world.apply(&[]).text(), "{}");
}

#[test]
fn what_an_undone_apply_had_taken_over_stays() {
    let declared = [value("model", json!("opus")), allow("a")];
    let before = "{\"model\":\"opus\",\"permissions\":{\"allow\":[\"a\"]}}";
    let found = World { adopts: true, ..World::of(before) };
    for old in [&[][..], &declared[..1]] {
        let at_old = found.clone().apply(old);
        let planned = at_old.try_merge(&declared, LettingGo::Undeclared, &[]).expect("merges");
        let undone = merge(&MergeInput {
            bases: Bases { current: &at_old.ledger, other: Some(&planned.ledger) },
            live: planned.text.as_deref(),
            desired: old,
            adopts: true,
            letting_go: LettingGo::Undeclared,
            leaving: &[],
            returning: &[],
            home: HOME,
        });
        assert_eq!(undone.expect("merges").text.as_deref(), Some(before), "{old:?}");
    }
}

#[test]
fn only_what_is_as_declared_is_adopted() {
    let before = "{\"model\":\"sonnet\",\"hooks\":{\"Stop\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"a\",\"timeout\":9}]}]}}";
    let found = World { adopts: true, ..World::of(before) };
    let world = found.apply(&[value("model", json!("opus")), hook("Stop", "", "a")]);
    assert!(matches!(world.ledger.rows[0].how, How::Replaced(_)));
    assert_eq!(world.ledger.rows[1].how, How::Coincident);
    assert_eq!(world.apply(&[]).text(), before);
}

#[test]
fn before_is_the_newest_value_that_no_generation_of_ours_wrote() {
    let world = World::of("{\"model\":\"sonnet\"}").apply(&[value("model", json!("opus"))]);
    let world = world.apply(&[value("model", json!("opus[1m]"))]);
    // A stale client writes our own old value back: that is not the user speaking.
    let world = world.replace("opus[1m]", "opus").apply(&[value("model", json!("opus[1m]"))]);
    assert_eq!(world.clone().apply(&[]).text(), "{\"model\":\"sonnet\"}");
    assert_eq!(world.clone().replace("opus[1m]", "opus").uninstall().text(), "{\"model\":\"sonnet\"}");
    // The user does.
    let world = world.replace("opus[1m]", "haiku").apply(&[value("model", json!("opus[1m]"))]);
    assert_eq!(world.apply(&[]).text(), "{\"model\":\"haiku\"}");
}

#[test]
fn declaring_what_an_entry_stands_on_brings_it_back_byte_for_byte() {
    let before = "{\"model\":\"son\\u006eet\"}";
    let world =
        World::of(before).apply(&[value("model", json!("opus"))]).apply(&[value("model", json!("sonnet"))]);
    assert_eq!((world.text(), &world.ledger.rows[0].how), (before, &How::Coincident));
    assert_eq!(world.uninstall().text(), before);
}

#[test]
fn containers_that_we_made_go_when_they_are_empty_and_the_users_stay() {
    let desired = [allow("Bash(ls)"), hook("Stop", "", "true"), value("env.A", json!("1"))];
    for before in
        ["{}", "{ }", "{\n}\n", "{\"hooks\": {}}", "{\"permissions\":{\"allow\":[ ]},\"env\":{\n\n}}"]
    {
        assert_eq!(World::of(before).apply(&desired).uninstall().text(), before);
        assert_eq!(World::of(before).apply(&desired).apply(&[]).text(), before);
    }
}

#[test]
fn a_container_that_we_made_stays_when_others_put_something_in() {
    let world = World::of("{}").apply(&[allow("Bash(ls)")]);
    let world = world.reprint(|v| v["permissions"]["allow"] = json!(["Bash(ls)", "Bash(pwd)"])).uninstall();
    assert_eq!(world.value(), json!({"permissions": {"allow": ["Bash(pwd)"]}}));
}

#[test]
fn a_file_we_made_goes_when_it_is_back_to_nothing() {
    let world = World::nothing().apply(&[allow("Bash(ls)"), hook("Stop", "", "true")]);
    assert!(world.text().ends_with("}\n"));
    assert_eq!(world.clone().uninstall().text, None);
    assert_eq!(world.clone().reprint(|_| ()).uninstall().text, None);
    let world = world.reprint(|v| v["model"] = json!("opus")).uninstall();
    assert_eq!(world.value(), json!({"model": "opus"}));
}

#[test]
fn a_users_file_that_is_gone_is_not_recreated_by_uninstall() {
    let mut world = World::of("{\"model\":\"sonnet\"}").apply(&[value("model", json!("opus"))]);
    world.text = None;
    assert_eq!(world.uninstall().text, None);
}

#[test]
fn equality_is_of_values_and_null_is_one() {
    let before = "{\"n\": 1.0, \"x\": null}";
    let world = World::of(before).apply(&[value("n", json!(1)), value("x", Value::Null)]);
    assert_eq!((world.text(), world.actions()), (before, vec![Action::Coincide, Action::Coincide]));
    let world = World::of("{\"x\": null}").apply(&[value("x", json!(false))]);
    assert_eq!(world.uninstall().text(), "{\"x\": null}");
}

#[test]
fn a_parent_that_is_no_object_is_refused_by_name() {
    for (text, desired, at) in [
        ("{\"env\": 5}", value("env.A", json!("1")), "env"),
        ("{\"env\": null}", value("env.A", json!("1")), "env"),
        ("{\"permissions\": {\"allow\": \"x\"}}", allow("Bash(ls)"), "permissions.allow"),
        ("{\"permissions\": []}", allow("Bash(ls)"), "permissions"),
        ("{\"hooks\": []}", hook("Stop", "", "true"), "hooks"),
        ("{\"hooks\": {\"Stop\": {}}}", hook("Stop", "", "true"), "hooks.Stop"),
        ("{\"hooks\": {\"Stop\": \"x\"}}", hook("Stop", "", "true"), "hooks.Stop"),
    ] {
        let world = World::of(text);
        match world.try_merge(&[desired], LettingGo::Undeclared, &[]) {
            Err(Refusal::Shape { pointer: found, .. }) => assert_eq!(found, pointer(at), "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn sets_are_owned_per_element_with_ours_last_and_duplicates_left_alone() {
    let before = "{\"permissions\":{\"allow\":[\"b\",\"a\",\"a\"]}}";
    let world = World::of(before).apply(&[allow("c"), allow("a"), allow("d")]);
    assert_eq!(world.text(), "{\"permissions\":{\"allow\":[\"b\",\"a\",\"a\",\"c\",\"d\"]}}");
    assert_eq!(
        world.clone().apply(&[allow("d")]).text(),
        "{\"permissions\":{\"allow\":[\"b\",\"a\",\"a\",\"d\"]}}"
    );
    assert_eq!(world.apply(&[]).text(), before);
}

#[test]
fn a_list_that_is_no_set_is_one_value() {
    let before = "{\"list\": [1, 2]}";
    let world = World::of(before).apply(&[value("list", json!([2, 1]))]);
    assert_eq!(world.value(), json!({"list": [2, 1]}));
    assert_eq!(world.uninstall().text(), before);
}

#[test]
fn a_declared_hook_gets_a_group_of_its_own() {
    let before =
        r#"{"hooks":{"PreToolUse":[{"matcher":"Bash","hooks":[{"type":"command","command":"mine"}]}]}}"#;
    let world = World::of(before).apply(&[hook("PreToolUse", "Bash", "~/.claude/hooks/x")]);
    assert_eq!(world.value()["hooks"]["PreToolUse"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.value()["hooks"]["PreToolUse"][0]["hooks"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.uninstall().text(), before);
}

#[test]
fn a_hook_the_user_already_has_is_coincident_however_it_is_spelled() {
    let before = r#"{"hooks":{"Stop":[{"matcher":"*","hooks":[{"type":"command","command":"other"},{"type":"command","command":"$HOME/.claude/hooks/x"}]}]}}"#;
    let world = World::of(before).apply(&[hook("Stop", "", "~/.claude/hooks/x")]);
    assert_eq!((world.text(), world.actions()), (before, vec![Action::Coincide]));
    assert_eq!(world.apply(&[]).text(), before);
}

#[test]
fn a_hook_with_an_edited_matcher_is_deleted_plus_foreign() {
    let desired = [hook("PreToolUse", "Bash", "~/.claude/hooks/x")];
    let world = World::of("{}").apply(&desired).replace("\"Bash\"", "\"Bash|Edit\"");
    let again = world.clone().apply(&desired);
    assert_eq!(again.actions(), [Action::Reassert]);
    assert_eq!(again.value()["hooks"]["PreToolUse"].as_array().map(Vec::len), Some(2));
    // Let go of: it would run a file that isn't there any more, so it goes with the file.
    let leaving = ["/home/me/.claude/hooks/x".to_owned()];
    let merged = world.try_merge(&[], LettingGo::Back, &leaving).expect("merges");
    assert_eq!(world.take(merged).value(), json!({}));
}

#[test]
fn a_hook_of_ours_that_leaves_with_its_file_is_told_once() {
    let leaving = ["/home/me/.claude/hooks/x".to_owned()];
    let world = World::of("{}").apply(&[hook("PreToolUse", "Bash", "~/.claude/hooks/x")]);
    let merged = world.try_merge(&[], LettingGo::Back, &leaving).expect("merges");
    assert_eq!(world.take(merged).actions(), [Action::Remove]);
}

#[test]
fn a_second_copy_of_a_hook_that_leaves_goes_with_it() {
    let leaving = ["/home/me/.claude/hooks/x".to_owned()];
    let world = World::of("{}").apply(&[hook("Stop", "", "~/.claude/hooks/x")]).reprint(|v| {
        let groups = v["hooks"]["Stop"].as_array_mut().expect("a list");
        groups.push(groups[0].clone());
    });
    let merged = world.try_merge(&[], LettingGo::Undeclared, &leaving).expect("merges");
    assert_eq!(world.take(merged).value(), json!({}));
}

#[test]
fn another_hook_put_into_our_group_keeps_the_group() {
    let world = World::of("{}").apply(&[hook("Stop", "", "ours")]);
    let world = world.reprint(|v| {
        let hooks = v["hooks"]["Stop"][0]["hooks"].as_array_mut().expect("a list");
        hooks.push(json!({"type": "command", "command": "theirs"}));
    });
    let expected = json!({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "theirs"}]}]}});
    assert_eq!(world.uninstall().value(), expected);
}

#[test]
fn a_default_is_written_only_where_nothing_is() {
    let world =
        World::of("{\"model\":\"sonnet\"}").apply(&[default("model", json!("opus")), default("n", json!(1))]);
    assert_eq!(world.text(), "{\"model\":\"sonnet\",\"n\":1}");
    assert_eq!(world.uninstall().text(), "{\"model\":\"sonnet\"}");
}

#[test]
fn a_default_is_the_users_once_changed_until_its_declared_value_changes() {
    let opus = [default("model", json!("opus"))];
    for (edited, text) in [("changed", "{\"model\":\"haiku\"}"), ("deleted", "{}")] {
        let world = World::of("{}").apply(&opus).edit(|_| text.to_owned()).apply(&opus);
        assert_eq!((world.text(), world.actions()), (text, vec![]), "{edited}");
        let world = world.apply(&opus);
        assert_eq!(world.text(), text, "{edited}, and again");
        let world = world.apply(&[default("model", json!("sonnet"))]);
        assert_eq!(world.value(), json!({"model": "sonnet"}), "{edited}");
        assert_eq!(world.uninstall().value(), serde_json::from_str::<Value>(text).expect("JSON"), "{edited}");
    }
}

#[test]
fn a_default_that_is_no_longer_declared_goes_if_it_is_ours() {
    let opus = [default("model", json!("opus"))];
    assert_eq!(World::of("{}").apply(&opus).apply(&[]).text(), "{}");
    let theirs = World::of("{}").apply(&opus).replace("opus", "haiku").apply(&opus).apply(&[]);
    assert_eq!(theirs.value(), json!({"model": "haiku"}));
}

#[test]
fn an_unset_key_is_absent_and_comes_back_where_it_was() {
    let befores = [
        "{\n  \"a\": 1,\n\n  \"model\" :  \"x\" ,\n  \"b\": 2\n}\n",
        "{\n  \"model\": \"x\",\n  \"b\": 2\n}",
        "{\n  \"b\": 2, \"model\": \"x\"  \n}",
        "{ \"model\": \"x\" }",
    ];
    for before in befores {
        let world = World::of(before).apply(&[unset("model")]);
        assert!(!world.text().contains("model"), "{}", world.text());
        assert_eq!(world.clone().apply(&[unset("model")]).actions(), []);
        assert_eq!(world.clone().apply(&[]).text(), before);
        let world = world.apply(&[unset("model"), value("new", json!(1)), allow("x")]);
        assert_eq!(world.uninstall().text(), before);
    }
}

#[test]
fn unset_keys_and_elements_come_back_in_their_order() {
    let before = "{\"a\":1, \"b\":2, \"c\":3,\"permissions\":{\"allow\":[\"x\", \"y\",\"x\",  \"z\"]}}";
    let world =
        World::of(before).apply(&[unset("b"), forbid("y"), unset("a"), forbid("x"), value("c", json!(9))]);
    assert_eq!(world.value(), json!({"c": 9, "permissions": {"allow": ["z"]}}));
    assert_eq!(world.uninstall().text(), before);
}

#[test]
fn what_was_unset_finds_its_place_when_the_declaration_changes_its_mind() {
    let before = "{\"a\":1,\"model\":\"opus\",\"z\":1}";
    for then in [value("model", json!("q")), default("model", json!("q"))] {
        let world = World::of(before).apply(&[unset("model")]).apply(std::slice::from_ref(&then));
        assert_eq!(world.text(), "{\"a\":1,\"model\":\"q\",\"z\":1}");
        assert_eq!(world.clone().uninstall().text(), before);
        assert_eq!(world.apply(&[unset("model")]).apply(&[then]).uninstall().text(), before);
    }
    let world = World::of(before).apply(&[value("model", json!("s"))]).apply(&[unset("model")]);
    assert_eq!(world.apply(&[value("model", json!("s"))]).uninstall().text(), before);
    let before = "{\"permissions\":{\"allow\":[\"A\", \"B\",\"C\",  \"D\"]}}";
    let forbidden =
        |rules: &str| -> Vec<Declared> { rules.chars().map(|rule| forbid(&rule.to_string())).collect() };
    for first in ["A", "B", "C", "AB", "BC", "CB", "ACD", "DCBA", "ABCD"] {
        for second in ["", "A", "B", "C", "AC", "CA", "BD", "DB"] {
            let world = World::of(before).apply(&forbidden(first)).apply(&forbidden(second)).uninstall();
            let allow = &world.value()["permissions"]["allow"];
            assert_eq!(*allow, json!(["A", "B", "C", "D"]), "{first} then {second}");
        }
    }
}

#[test]
fn elements_kept_absent_come_back_in_their_order_whatever_is_declared_in_between() {
    let orders: Vec<Vec<Declared>> = ["", "a", "c", "ac", "ca", "bca", "cb"]
        .iter()
        .map(|rules| rules.chars().map(|rule| forbid(&rule.to_string())).collect())
        .collect();
    for list in ["cac", "caca", "bacca"] {
        let elements: Vec<String> = list.chars().map(|c| c.to_string()).collect();
        let before = json!({"permissions": {"allow": elements}}).to_string();
        for first in &orders {
            for second in &orders {
                for third in &orders {
                    let world = World::of(&before).apply(first).apply(second).apply(third).uninstall();
                    let keys = |all: &[Declared]| all.iter().map(|d| d.key.to_string()).collect::<Vec<_>>();
                    assert_eq!(
                        world.value()["permissions"]["allow"],
                        json!(elements),
                        "{list}: {:?} then {:?} then {:?}",
                        keys(first),
                        keys(second),
                        keys(third)
                    );
                }
            }
        }
    }
}

#[test]
fn a_bom_line_ends_and_indentation_stay() {
    for before in [
        "\u{feff}{\"a\":1}",
        "{\r\n\t\"a\": 1\r\n}\r\n",
        "{\n    \"a\": {\n        \"b\": 1\n    }\n}",
        "{\"a\":{\"b\":1}}",
        "{\n  \"permissions\": {\n    \"allow\": []\n  }\n}\n",
        "{\n  \"permissions\": { \"allow\": [\"a\"] }\n\n}\n\n",
    ] {
        let world =
            World::of(before).apply(&[allow("x"), value("env.A", json!("1")), hook("Stop", "m", "true")]);
        let crlf = world.text().matches("\r\n").count();
        assert!(crlf == 0 || crlf == world.text().matches('\n').count(), "{:?}", world.text());
        assert_eq!(world.uninstall().text(), before);
    }
}

#[test]
fn additions_look_like_their_surroundings() {
    let world = World::of("{\n\t\"permissions\": {\n\t\t\"allow\": []\n\t}\n}")
        .apply(&[allow("x"), hook("Stop", "m", "t")]);
    insta::assert_snapshot!(world.text().replace('\t', "→"), @r#"
    {
    →"permissions": {
    →→"allow": [
    →→→"x"
    →→]
    →},
    →"hooks": {
    →→"Stop": [
    →→→{
    →→→→"matcher": "m",
    →→→→"hooks": [
    →→→→→{
    →→→→→→"type": "command",
    →→→→→→"command": "t",
    →→→→→→"timeout": 5
    →→→→→}
    →→→→]
    →→→}
    →→]
    →}
    }
    "#);
    let world = World::of("{\"a\":{\"b\":[1,2]}}").apply(&[value("a.c.d", json!([1, {"x": 2}]))]);
    assert_eq!(world.text(), "{\"a\":{\"b\":[1,2],\"c\":{\"d\":[1,{\"x\":2}]}}}");
}

// ---- recovery: the other generation's ledger, whose document may or may not be written

/// What somebody else does to a document.
type Edit = fn(&mut Value);

#[test]
fn an_interrupted_apply_leads_to_the_old_or_the_new_whatever_was_written() {
    let old = [value("model", json!("opus")), allow("a"), hook("Stop", "", "old"), unset("x")];
    let new =
        [value("model", json!("haiku")), allow("b"), hook("Stop", "", "new"), value("env.A", json!("1"))];
    let before = "{\n  \"model\": \"sonnet\",\n  \"x\": 5,\n  \"permissions\": { \"allow\": [ ] }\n}\n";
    let at_old = World::of(before).apply(&old);
    let planned = at_old.try_merge(&new, LettingGo::Undeclared, &[]).expect("merges");
    let at_new = at_old.clone().take(planned.clone());
    let theirs: [(&str, Edit); 3] = [
        ("untouched", |_| ()),
        ("theirs added", |v| v["theirs"] = json!(true)),
        ("model set", |v| v["model"] = json!("mine")),
    ];
    for written in [false, true] {
        for (name, edit) in theirs {
            let mut world = if written { at_new.clone() } else { at_old.clone() };
            if name != "untouched" {
                world = world.reprint(edit);
            }
            let expected_user = reprint(before, edit);
            for (desired, ledgers, expected) in [
                (&new[..], (&at_old.ledger, &planned.ledger), &at_new),
                (&old[..], (&at_old.ledger, &planned.ledger), &at_old),
            ] {
                let merged = merge(&MergeInput {
                    bases: Bases { current: ledgers.0, other: Some(ledgers.1) },
                    live: world.text.as_deref(),
                    desired,
                    adopts: false,
                    letting_go: LettingGo::Undeclared,
                    leaving: &[],
                    returning: &[],
                    home: HOME,
                });
                let after = world.clone().take(merged.expect("merges"));
                let mut value = after.value();
                value.as_object_mut().expect("an object").remove("theirs");
                assert!(
                    equal(&value, &expected.value()),
                    "{name} {written}: {value} is not {}",
                    expected.value()
                );
                let rest: Value = serde_json::from_str(after.uninstall().text()).expect("JSON");
                let user: Value = serde_json::from_str(&expected_user).expect("JSON");
                assert!(equal(&rest, &user), "{name} {written}: {rest} is not {user}");
            }
        }
    }
}

mod laws;
mod veiled;
