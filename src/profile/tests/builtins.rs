//! Every profile that ships renders, without a warning.

use super::*;

fn rendered(name: &str) -> Rendered {
    let machine = Machine::new("");
    let found = render(&ProfileRef::Builtin(name.to_owned()), &target(), &machine);
    let rendered = found.unwrap_or_else(|found| panic!("{}", shown(&found)));
    assert_eq!(shown(&rendered.diagnostics), "");
    assert!(rendered.files.is_empty(), "a built-in needs no file");
    rendered
}

#[test]
fn every_builtin_renders() {
    for name in builtin_names() {
        rendered(name);
    }
    assert_eq!(builtin("no-such"), None);
}

#[test]
fn minimal_declares_nothing() {
    let rendered = rendered("minimal");
    assert_eq!(rendered.desired, Desired { runtime: json!({"format": 1}), ..Desired::default() });
}

/// Every commented line of the skeleton is a profile once its `#` is gone.
#[test]
fn the_skeleton_of_minimal_is_valid() {
    let text = builtin("minimal").expect("there");
    let example = |line: &str| line.contains(" = ") || line.starts_with("# [");
    let uncommented: Vec<&str> =
        text.lines().map(|line| if example(line) { line.trim_start_matches("# ") } else { line }).collect();
    Machine::new(&uncommented.join("\n"))
        .file("/p/base.toml", "format = 1\n")
        .script("/p/hooks/format.sh", "#!/bin/sh\n")
        .file("/p/agents/reviewer.md", "---\nname: r\ndescription: d\n---\n")
        .file("/p/CLAUDE.md", "hello")
        .good();
}

#[test]
fn default_needs_no_program_and_runs_none() {
    let rendered = rendered("default");
    insta::assert_snapshot!(installs(&rendered), @"Command Link commands/cs.md builtin:default:66");
    assert!(documents(&rendered).iter().all(|declared| !matches!(declared.key, Key::Hook(_))));
    let Content::Bytes(bytes) = &rendered.desired.files[&path("commands/cs.md")].content else { panic!() };
    assert!(bytes.starts_with(b"---\ndescription: "));
}

#[test]
fn team_has_what_default_has() {
    let (default, team) = (rendered("default"), rendered("team"));
    let keys = |rendered: &Rendered| documents(rendered).iter().map(|d| d.key.clone()).collect::<Vec<_>>();
    let team_keys = keys(&team);
    assert!(keys(&default).iter().all(|key| team_keys.contains(key)));
    assert!(team_keys.len() > keys(&default).len());
}

#[test]
fn learning_puts_each_hook_on_its_events() {
    let rendered = rendered("learning");
    insta::assert_snapshot!(entries(&rendered), @r#"
    = hooks.UserPromptSubmit  ~/.claude/hooks/context-enhancer
    = hooks.SessionStart  ~/.claude/hooks/context-enhancer
    = hooks.PreToolUse  Bash|Edit|Write|MultiEdit|NotebookEdit → ~/.claude/hooks/intelligent-optimizer
    = hooks.PostToolUse  ~/.claude/hooks/learning-collector
    = hooks.PostToolUseFailure  ~/.claude/hooks/learning-collector
    = hooks.SessionEnd  ~/.claude/hooks/learning-collector
    "#);
    insta::assert_snapshot!(installs(&rendered), @r#"
    Agent Link agents/hpc-advisor.md builtin:learning:49
    Agent Link agents/learning-analyst.md builtin:learning:46
    Agent Link agents/troubleshooting-detective.md builtin:learning:52
    Hook Link hooks/context-enhancer builtin:learning:10
    Hook Link hooks/intelligent-optimizer builtin:learning:16
    Hook Link hooks/learning-collector builtin:learning:23
    "#);
    let spec = &rendered.desired.files[&path("hooks/learning-collector")];
    assert_eq!((&spec.content, spec.executable), (&Content::RunningExecutable, true));
}

#[test]
fn guarded_is_the_guard_and_nothing_else() {
    let rendered = rendered("guarded");
    insta::assert_snapshot!(entries(&rendered), @"= hooks.PreToolUse  Bash|Edit|Write|MultiEdit|NotebookEdit → ~/.claude/hooks/intelligent-optimizer");
    let paths: Vec<String> = rendered.desired.installs.keys().map(ToString::to_string).collect();
    assert_eq!(paths, ["hooks/intelligent-optimizer"]);
    let runtime = json!({"format": 1, "guard": {"default": "ask"}, "learning": {"enabled": false}});
    assert_eq!(rendered.desired.runtime, runtime);
}

#[test]
fn hpc_looks_without_a_question_and_asks_before_it_spends() {
    let rendered = rendered("hpc");
    let rules = |rendered: &Rendered, list: &str| -> BTreeSet<String> {
        let said = entries(rendered);
        let start = format!("= permissions.{list}  ");
        said.lines().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
    };
    let (allow, ask) = (rules(&rendered, "allow"), rules(&rendered, "ask"));
    let all = |list: &BTreeSet<String>, named: &[&str]| {
        named.iter().all(|name| list.iter().any(|rule| rule.starts_with(&format!("Bash({name}:*)"))))
    };
    assert!(all(&allow, &["squeue", "sinfo", "sacct", "scontrol show", "module avail"]), "{allow:?}");
    assert!(all(&ask, &["sbatch", "srun", "scancel", "scontrol update", "qdel"]), "{ask:?}");
    assert!(allow.is_disjoint(&ask));
    assert_eq!(rendered.desired.runtime["learning"]["host-type"], "hpc");
    assert_eq!(rules(&rendered, "deny"), rules(&self::rendered("default"), "deny"));
}

/// By the names that their frontmatter has: whoever suggests one says that.
#[test]
fn the_agents_that_ship_are_declared_and_known_to_the_hooks() {
    let all = json!(["learning-analyst", "hpc-advisor", "troubleshooting-detective"]);
    for name in ["learning", "hpc"] {
        let rendered = rendered(name);
        assert_eq!(rendered.desired.runtime["agents"], all, "{name}");
        for agent in all.as_array().expect("names").iter().filter_map(|name| name.as_str()) {
            let Content::Bytes(bytes) = &rendered.desired.files[&path(&format!("agents/{agent}.md"))].content
            else {
                panic!("{agent}")
            };
            let text = String::from_utf8_lossy(bytes);
            assert!(text.starts_with(&format!("---\nname: {agent}\n")), "{agent}");
            for command in ["brief", "ack"] {
                assert!(text.contains(&format!("cs agents {command} {agent}")), "{agent}: {command}");
            }
        }
    }
    let without =
        Machine::new("format = 1\nextends = [\"builtin:hpc\"]\nwithout = [\"agents.hpc-advisor\"]\n");
    assert_eq!(without.good().desired.runtime["agents"].as_array().map(Vec::len), Some(2));
    let own = Machine::new(
        "format = 1\n[agents.mine]\ntext = \"---\\nname: hpc-advisor\\ndescription: d\\n---\\n\"\n",
    );
    assert_eq!(
        own.good().desired.runtime["agents"],
        json!(["hpc-advisor"]),
        "whoever is called that is asked"
    );
    assert_eq!(rendered_without_agents(), Value::Null);
}

fn rendered_without_agents() -> Value {
    rendered("team").desired.runtime["agents"].clone()
}

/// The table of the mission, requirement L4.
#[test]
fn learning_weighs_as_the_mission_says() {
    let runtime = rendered("learning").desired.runtime;
    assert_eq!(
        runtime["thresholds"],
        json!({
            "weights": {
                "new-commands": 2.0, "failures": 4.0, "optimizations": 1.5,
                "performance-shifts": 5.0, "host-changes": 2.5
            },
            "agents": {
                "hpc-advisor": {
                    "threshold": 30.0, "factors": {"new-commands": 1.5, "failures": 1.0, "host-changes": 1.3}
                },
                "learning-analyst": {
                    "threshold": 50.0,
                    "factors": {"new-commands": 1.0, "optimizations": 1.2, "performance-shifts": 0.8}
                },
                "troubleshooting-detective": {
                    "threshold": 15.0, "factors": {"failures": 2.0, "performance-shifts": 1.5}
                }
            }
        })
    );
}
