//! The picture in the README: what `cs plan` really prints, in colour, as an SVG.

use std::fs;
use std::path::Path;

use anstyle::RgbColor;
use anstyle_svg::{Palette, Term};

use crate::story;

/// The colours of a dark terminal, legible on it: eight, then the bright eight.
const PALETTE: Palette = Palette([
    RgbColor(0x48, 0x4f, 0x58),
    RgbColor(0xff, 0x7b, 0x72),
    RgbColor(0x56, 0xd3, 0x64),
    RgbColor(0xe3, 0xb3, 0x41),
    RgbColor(0x79, 0xc0, 0xff),
    RgbColor(0xd2, 0xa8, 0xff),
    RgbColor(0x56, 0xd4, 0xdd),
    RgbColor(0xb1, 0xba, 0xc4),
    RgbColor(0x6e, 0x76, 0x81),
    RgbColor(0xff, 0xa1, 0x98),
    RgbColor(0x7e, 0xe7, 0x87),
    RgbColor(0xf2, 0xcc, 0x60),
    RgbColor(0xa5, 0xd6, 0xff),
    RgbColor(0xe2, 0xc5, 0xff),
    RgbColor(0xb3, 0xf0, 0xff),
    RgbColor(0xff, 0xff, 0xff),
]);

/// Draws what a terminal would show.
fn draw(text: &str) -> String {
    let term = Term::new()
        .palette(PALETTE)
        .fg_color(RgbColor(0xe6, 0xed, 0xf3).into())
        .bg_color(RgbColor(0x0d, 0x11, 0x17).into());
    // Opacity says nothing to a `tspan`, a colour does.
    term.render_svg(text).replace(".dimmed { opacity: 0.4; }", ".dimmed { fill: #8B949E; }")
}

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
    let drawn = draw(&format!("\u{1b}[1m$ cs plan\u{1b}[0m\n{}", sandbox.tidy(&ran.out)));

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
