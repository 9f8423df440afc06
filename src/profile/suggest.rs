//! "Did you mean": the nearest of a few known names.

/// Longest name worth comparing, in bytes: distance takes the product of both lengths.
const BYTES_MAX: usize = 64;

/// The candidate nearest to `name`, if it is near enough to be what was meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.len() / 3).clamp(1, 3);
    within(name, candidates, most)
}

/// The candidate nearest to `name` within `most` edits, case aside.
pub(super) fn within<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Option<&'a str> {
    if name.len() > BYTES_MAX {
        return None;
    }
    let lower = name.to_lowercase();
    let distance = |candidate: &&str| strsim::osa_distance(&lower, &candidate.to_lowercase());
    // Names whose lengths differ by more can't be that near: most are never compared.
    let close = candidates.into_iter().filter(|candidate| candidate.len().abs_diff(name.len()) <= most);
    let near = close.map(|candidate| (distance(&candidate), candidate));
    near.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// `a`, `b` and `c`.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        assert_eq!(nearest("sorce", ["source", "mode"]), Some("source"));
        assert_eq!(nearest("PreToolUes", ["PreToolUse", "PostToolUse"]), Some("PreToolUse"));
        assert_eq!(nearest("pretooluse", ["PreToolUse"]), Some("PreToolUse"));
        assert_eq!(nearest("x", ["source"]), None);
        assert_eq!(nearest(&"x".repeat(4096), ["source"]), None);
    }
}
