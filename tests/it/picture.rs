//! The picture in the README: what `cs plan` really prints, in colour, as an SVG.

use std::fs;
use std::path::Path;

use anstyle_svg::Term;

use crate::story;

/// `UPDATE_SNAPSHOTS=1 cargo test` (or insta's `INSTA_UPDATE=always`) draws it anew.
fn is_updating() -> bool {
    let says = |name, value| std::env::var(name).is_ok_and(|found| found == value);
    says("UPDATE_SNAPSHOTS", "1") || says("INSTA_UPDATE", "always")
}

/// A change of everything at once: a hook, an agent, a command, a permission, the model, and drift.
#[test]
fn the_picture_shows_what_plan_prints() {
    let sandbox = story::home();
    sandbox.apply();
    story::change_profile(&sandbox);
    story::drift(&sandbox);
    let ran = sandbox.cs(&["plan", "--color", "always"]).ok();
    assert_eq!(ran.err, "");
    let drawn = Term::new().render_svg(&format!("\u{1b}[1m$ cs plan\u{1b}[0m\n{}", sandbox.tidy(&ran.out)));

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/plan.svg");
    if is_updating() {
        fs::write(&file, &drawn).expect("written");
    }
    let kept = fs::read_to_string(&file).expect("snapshots/plan.svg");
    assert!(
        kept == drawn,
        "the picture is not what cs plan prints now; draw it anew: UPDATE_SNAPSHOTS=1 cargo test picture"
    );
}
