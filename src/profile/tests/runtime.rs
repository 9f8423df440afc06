//! `[guard]`, `[thresholds]`, `[learning]`.

use super::*;

#[test]
fn runtime_holds_what_was_declared_in_one_order() {
    let a = Machine::new(
        r#"format = 1
[learning]
retention-days = 7
enabled = false
host-type = "hpc"
[guard]
git = "off"
default = "deny"
exceptions = ["x"]
[thresholds.agents.learning-analyst]
threshold = 5
[thresholds.agents.hpc-advisor]
factors.failures = 1
"#,
    );
    assert_eq!(
        a.good().desired.runtime.to_string(),
        r#"{"format":1,"guard":{"default":"deny","git":"off","exceptions":["x"]},"thresholds":{"agents":{"hpc-advisor":{"factors":{"failures":1.0}},"learning-analyst":{"threshold":5.0}}},"learning":{"enabled":false,"retention-days":7,"host-type":"hpc"}}"#
    );
    assert_eq!(
        Machine::new("format = 1\n[guard]\n[thresholds.weights]").good().desired.runtime,
        json!({"format": 1})
    );
}

#[test]
fn runtime_tables_compose() {
    let machine = Machine::new(
        r#"format = 1
extends = ["builtin:learning"]
[guard]
git = "deny"
[thresholds]
weights.failures = 9
agents.hpc-advisor.threshold = 99
"#,
    );
    let runtime = machine.good().desired.runtime;
    assert_eq!(runtime["guard"], json!({"default": "ask", "git": "deny"}));
    assert_eq!(runtime["thresholds"]["weights"]["failures"], 9.0);
    assert_eq!(runtime["thresholds"]["agents"]["hpc-advisor"]["factors"]["failures"], 1.0);
}

#[test]
fn slips_are_errors() {
    let bad = Machine::new(
        r#"format = 1
[guard]
defualt = "ask"
git = "block"
on-failure = "deny"
paths = "x"
[learning]
retention-days = 0
streak-sessions = 3.5
enabled = "no"
host-type = "mainframe"
[thresholds]
weights = { failure = 1 }
agents.x.threshold = 0
agents.y.factors.failures = -1
agents.z = 5
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: unknown key `defualt` in [guard]
      /p/main.toml:3:1
        3 | defualt = "ask"
          | ^^^^^^^
      help: did you mean `default`?

    error: `guard.git` can't be `block`
      /p/main.toml:4:7
        4 | git = "block"
          |       ^^^^^^^
      help: it is `ask`, `deny` or `off`

    error: `guard.on-failure` can't be `deny`
      /p/main.toml:5:14
        5 | on-failure = "deny"
          |              ^^^^^^
      help: it is `block` or `allow`

    error: `guard.paths` must be a list of strings, found a string
      /p/main.toml:6:9
        6 | paths = "x"
          |         ^^^
      help: a single one is written in brackets, too

    error: `learning.retention-days` must be from 1 to 365
      /p/main.toml:8:18
        8 | retention-days = 0
          |                  ^

    error: `learning.streak-sessions` must be an integer, found a number
      /p/main.toml:9:19
        9 | streak-sessions = 3.5
          |                   ^^^

    error: `learning.enabled` must be true or false, found a string
      /p/main.toml:10:11
        10 | enabled = "no"
           |           ^^^^

    error: `learning.host-type` can't be `mainframe`
      /p/main.toml:11:13
        11 | host-type = "mainframe"
           |             ^^^^^^^^^^^
      help: it is `laptop`, `desktop`, `server`, `hpc`, `ci` or `container`

    error: unknown key `failure` in [thresholds.weights]
      /p/main.toml:13:13
        13 | weights = { failure = 1 }
           |             ^^^^^^^
      help: did you mean `failures`?

    warning: no agent that ships with cs is named `x`
      /p/main.toml:14:8
        14 | agents.x.threshold = 0
           |        ^
      help: only these are suggested, so nothing ever looks at it

    error: `thresholds.agents.x.threshold` must be greater than 0
      /p/main.toml:14:22
        14 | agents.x.threshold = 0
           |                      ^

    warning: no agent that ships with cs is named `y`
      /p/main.toml:15:8
        15 | agents.y.factors.failures = -1
           |        ^
      help: only these are suggested, so nothing ever looks at it

    error: `thresholds.agents.y.factors.failures` must be at least 0
      /p/main.toml:15:29
        15 | agents.y.factors.failures = -1
           |                             ^^

    warning: no agent that ships with cs is named `z`
      /p/main.toml:16:8
        16 | agents.z = 5
           |        ^
      help: only these are suggested, so nothing ever looks at it

    error: `thresholds.agents.z` must be a table, found an integer
      /p/main.toml:16:12
        16 | agents.z = 5
           |            ^
    "#);
}
