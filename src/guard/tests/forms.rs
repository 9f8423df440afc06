//! What each family asks about and what looks like it, as people write it: a file a family.

use super::rule;
use crate::guard::FAMILY_NAMES;

/// The commands of a family: those that must not pass, and those that must.
fn forms(text: &str) -> (Vec<String>, Vec<String>) {
    let (loud, silent) = text.split_once("\n\n# Silent.\n").expect("two parts");
    let lines = |part: &str| {
        let lines = part.lines().filter(|line| !line.starts_with("# "));
        lines.map(|line| line.replace("\\\\", "\u{0}").replace("\\n", "\n").replace('\u{0}', "\\")).collect()
    };
    (lines(loud), lines(silent))
}

const FORMS: [&str; 10] = [
    include_str!("filesystem.txt"),
    include_str!("git.txt"),
    include_str!("devices.txt"),
    include_str!("permissions.txt"),
    include_str!("databases.txt"),
    include_str!("containers.txt"),
    include_str!("cloud.txt"),
    include_str!("packages.txt"),
    include_str!("remote-code.txt"),
    include_str!("secrets.txt"),
];

#[test]
fn each_family_knows_its_forms() {
    let mut wrong = Vec::new();
    for (family, text) in FAMILY_NAMES.iter().zip(FORMS) {
        let (loud, silent) = forms(text);
        assert!(loud.len() > 50 && silent.len() > 50, "{family}");
        wrong.extend(
            loud.iter().filter(|command| rule(command) == "-").map(|c| format!("{family}, silent: {c}")),
        );
        let asked = silent.iter().filter(|command| rule(command) != "-");
        wrong.extend(asked.map(|command| format!("{family}, {}: {command}", rule(command))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
