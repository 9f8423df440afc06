//! What a profile of one's own leaves out of a repository, or changes: it was seen before anybody said yes all the same.

use crate::remote::Team;

/// A profile that builds on the team's and says `more`.
fn own(team: &Team, more: &str) {
    let url = team.url();
    let text = format!("format = 1\nextends = [\"{url}#claude/claude-sync.toml\"]\n{more}");
    team.sandbox.write("dotfiles/claude-sync.toml", text);
}

const APPLY: [&str; 4] = ["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"];

#[test]
fn what_is_left_out_is_shown() {
    let Some(team) = Team::new() else { return };
    for (more, shown) in [
        ("without = [\"hooks.mark\"]\n", "echo one"),
        ("without = [\"agents.reviewer\"]\n", "Look."),
        ("without = [\"settings.model\"]\n", "model = \"opus\""),
        ("[hooks.mark]\nsource = \"own.sh\"\n", "echo one"),
        ("[settings]\nmodel = \"sonnet\"\n", "model = \"opus\""),
    ] {
        team.sandbox.script("dotfiles/own.sh", "#!/bin/sh\necho mine\n");
        own(&team, more);
        let refused = team.cs(&APPLY).code(1);
        assert!(refused.out.contains("and left out or changed by your profile"), "{more}: {refused}");
        assert!(refused.out.contains(shown), "{more}: {refused}");
    }
    own(&team, "");
    let refused = team.cs(&APPLY).code(1);
    assert!(!refused.out.contains("left out"), "{refused}");
}

#[test]
fn what_moves_behind_it_is_shown() {
    let Some(team) = Team::new() else { return };
    own(&team, "without = [\"hooks.mark\"]\n");
    let commit = team.git(&["rev-parse", "HEAD"]);
    team.cs(&[&APPLY[..], &["--trust", &commit]].concat()).ok();
    assert!(!team.sandbox.path(".claude/hooks/mark").exists());
    team.sandbox.script("team/claude/hooks/mark.sh", "#!/bin/sh\necho evil\n");
    team.commit("A small thing");
    let update = team.cs(&["update", "--dry-run"]);
    assert!(update.out.contains("+   echo evil"), "{update}");
    assert!(update.out.contains("left out or changed by your profile"), "{update}");
}

#[test]
fn what_can_not_be_shown_is_not_trusted() {
    let Some(team) = Team::new() else { return };
    // It is valid only together with what it is put on.
    team.sandbox.write("team/claude/base.toml", "format = 1\n[agents.mine]\nmode = \"copy\"\n");
    team.commit("Says something of what others have");
    team.sandbox.write("dotfiles/mine.md", "---\nname: mine\ndescription: d\n---\n");
    own(&team, "[agents.mine]\nsource = \"mine.md\"\n");
    let commit = team.git(&["rev-parse", "HEAD"]);
    let refused = team.cs(&[&APPLY[..], &["--trust", &commit]].concat()).code(1);
    assert!(refused.err.contains("can't be shown whole"), "{refused}");
}
