//! Edits as byte splices: what was taken out where, and what was put there instead.

use serde::{Deserialize, Serialize};

/// One replaced stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Splice {
    /// Byte offset in the text before any splice.
    pub at: usize,
    /// What stood there.
    pub removed: String,
    /// What stands there now.
    pub inserted: String,
}

/// Puts the splices, in rising order, into `text`; `None` where the text is not the one
/// they were made for.
#[must_use]
pub fn apply(text: &str, splices: &[Splice]) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut cursor = 0;
    for Splice { at, removed, inserted } in splices {
        out.push_str(text.get(cursor..*at)?);
        cursor = at + removed.len();
        (text.get(*at..cursor)? == removed).then_some(())?;
        out.push_str(inserted);
    }
    out.push_str(text.get(cursor..)?);
    Some(out)
}

/// The splices that lead back.
#[must_use]
pub fn invert(splices: &[Splice]) -> Vec<Splice> {
    let mut grown = 0isize;
    let invert = |splice: &Splice| {
        let Splice { at, removed, inserted } = splice.clone();
        let at = at.wrapping_add_signed(grown);
        grown += inserted.len().cast_signed() - removed.len().cast_signed();
        Splice { at, removed: inserted, inserted: removed }
    };
    splices.iter().map(invert).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_lead_there_and_back() {
        let splice = |at, removed: &str, inserted: &str| Splice {
            at,
            removed: removed.into(),
            inserted: inserted.into(),
        };
        let splices = [splice(0, "", "X"), splice(2, "cd", ""), splice(5, "f", "long")];
        let there = apply("abcdef", &splices).expect("fits");
        assert_eq!(there, "Xabelong");
        assert_eq!(apply(&there, &invert(&splices)).as_deref(), Some("abcdef"));
        assert_eq!(apply("abXdef", &splices), None);
        assert_eq!(apply("a", &splices), None);
    }
}
