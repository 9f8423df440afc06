//! What is offered, and which of it a person keeps.

use super::{Offer, Passed, difference, rewritten, show_changes};
use crate::cli::args::CaptureArgs;
use crate::cli::engine::Context;
use crate::cli::error::{CliError, refused};
use crate::cli::output::{paint, style};
use crate::cli::show::Detail;

/// What is kept.
pub(super) struct Chosen {
    pub offers: Vec<Offer>,
    /// Every offer there was has been answered, or all are kept: those that are not are known, and left.
    pub is_all_seen: bool,
}

/// Shows what there is: each with where it would go, then what can't be written back.
pub(super) fn tell(context: &Context, offers: &[Offer], passed: &[Passed]) {
    if offers.is_empty() && passed.is_empty() {
        context.out.line("Nothing was changed outside cs.");
        return;
    }
    let wide = |text: &str| text.chars().count();
    let width = offers.iter().map(|offer| wide(&offer.what)).max().unwrap_or_default().min(60);
    let changes = offers.iter().map(|offer| wide(&offer.how)).max().unwrap_or_default().min(32);
    let detail = Detail { verbose: context.out.verbose, ..Detail::default() };
    for offer in offers {
        let Offer { what, how, to, .. } = offer;
        let (sign, to) = (paint(style::DRIFT, "!"), paint(style::DIM, to));
        context.out.line(format!("  {sign} {what:width$}   {how:changes$}   {to}"));
        if !context.out.is_silent() {
            context.out.lines(&difference(context, offer, "      ", detail));
        }
    }
    for passed in passed {
        let (sign, why) = (paint(style::DIM, "="), paint(style::DIM, &passed.why));
        context.out.line(format!("  {sign} {:width$}   {why}", passed.what));
    }
}

/// Which of them are kept: all where the flags say so, else those that a person says yes to.
///
/// # Errors
/// When a person is needed and none is there.
pub(super) fn choose(context: &Context, args: &CaptureArgs, offers: Vec<Offer>) -> Result<Chosen, CliError> {
    let is_some = !args.only.is_empty();
    if args.all || args.dry_run || is_some || context.common.yes {
        return Ok(Chosen { offers, is_all_seen: !args.dry_run && !is_some });
    }
    let (mut chosen, mut is_rest_kept) = (Vec::new(), false);
    context.out.line("");
    for offer in offers {
        let answer = if is_rest_kept { Some('y') } else { answer(context, &offer)? };
        match answer {
            None => {
                let hint = format!(
                    "Nothing was changed. Look: {0} --dry-run. Keep all: {0} --all --yes. Keep some: {0} --only \
                     PATTERN --yes.",
                    context.spell("cs capture")
                );
                return Err(refused(
                    "this wants an answer for each, and there is no terminal to ask on",
                    hint,
                ));
            }
            Some('q') => return Ok(Chosen { offers: chosen, is_all_seen: false }),
            Some('n') => continue,
            Some('a') => is_rest_kept = true,
            Some(_) => {}
        }
        chosen.push(offer);
    }
    Ok(Chosen { offers: chosen, is_all_seen: true })
}

/// What a person says to one of them, having had the answers explained and the change shown as often as they like.
fn answer(context: &Context, offer: &Offer) -> Result<Option<char>, CliError> {
    let Offer { what, how, to, .. } = offer;
    let question = format!("Keep {what} ({how}) in {to}?   [y]es [n]o [a]ll the rest [q]uit [d]iff [?]: ");
    loop {
        match context.out.pick(&question, "ynad?q") {
            Some('?') => EXPLAINED.iter().for_each(|line| context.out.line(format!("  {line}"))),
            Some('d') => whole(context, offer)?,
            answer => return Ok(answer),
        }
    }
}

/// What each answer means.
const EXPLAINED: &[&str] = &[
    "y   keep it: it is written there when all are answered",
    "n   leave it as it is; what the profile does not enforce is not brought up again",
    "a   keep this and all that come after it",
    "q   ask no more: what had a yes is written, the rest is asked about next time",
    "d   show all of what would change there",
];

/// All of what an offer changes.
fn whole(context: &Context, offer: &Offer) -> Result<(), CliError> {
    show_changes(context, &rewritten(std::slice::from_ref(offer))?, true);
    context.out.lines(&difference(context, offer, "    ", Detail { verbose: true, ..Detail::default() }));
    Ok(())
}

/// Whether what was chosen is written. Who answered for each has answered.
///
/// # Errors
/// When a person is needed and none is there.
pub(super) fn consent(context: &Context, args: &CaptureArgs) -> Result<bool, CliError> {
    if context.common.yes || !args.all && args.only.is_empty() {
        return Ok(true);
    }
    context.out.ask("Write this?").ok_or_else(|| {
        refused(
            "this wants a yes, and there is no terminal to ask on",
            "Nothing was changed. To write it: add --yes.",
        )
    })
}
