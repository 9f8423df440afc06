//! Merging where secrets are declared, or were written.
//!
//! The ledger and the profile's state hold an empty text and a mark in their place. The merge itself knows nothing
//! of that: before it, every such place gets the text that its mark fits, looked for in what is there and in
//! what is known; where none is found, a text that equals nothing. After it, rows get their empty texts back.

use serde_json::Value;

use super::{Bases, MergeInput, Merged, Refusal, merge};
use crate::document::text::split_bom;
use crate::document::value::{digest, equal};
use crate::model::secret::{find, put};
use crate::model::{
    Container, Declared, Digest, DocumentLedger, Key, Mark, Marked, Pointer, Row, Secret, Secrets, Want,
    Wrote, limits,
};

/// Where the texts of secrets are looked for, besides in what is there.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// What the sources gave.
    pub secrets: &'a Secrets,
    /// Documents that may hold them: only what fits its mark is taken.
    pub texts: &'a [Value],
    /// An entry with a secret that is not found is left as it is, and so is what is known of it.
    /// Otherwise it counts as different from whatever is there: for plans that nobody carries out.
    pub leaves_unknown: bool,
}

/// Merges; see [`merge`]. Rows of the ledger that comes of it hold no secret, everything else does.
///
/// # Errors
/// As [`merge`].
pub fn merge_found(input: &MergeInput<'_>, found: Found<'_>) -> Result<Merged, Refusal> {
    let is_veiled = |row: &Row| !row.secrets.is_empty() || !row.earlier_secrets.is_empty();
    let rows = input.bases.current.rows.iter().chain(input.bases.other.into_iter().flat_map(|own| &own.rows));
    let is_concerned = input.desired.iter().any(|own| !own.secrets.is_empty()) || rows.clone().any(is_veiled);
    if !is_concerned {
        return merge(input);
    }
    let parsed = input.live.and_then(|text| serde_json::from_str::<Value>(split_bom(text).1).ok());
    let live = parsed.unwrap_or_default();
    let scene = Scene { live: &live, found };
    let mut desired: Vec<Declared> = Vec::with_capacity(input.desired.len());
    let mut left = Vec::new();
    for declared in input.desired {
        let (filled, is_whole) = scene.declared(declared);
        if is_whole || !found.leaves_unknown {
            desired.push(filled);
        } else {
            left.push(&declared.key);
        }
    }
    let ledger = |own: &DocumentLedger| {
        let rows = own.rows.iter().filter(|row| !left.contains(&&row.key));
        DocumentLedger { rows: rows.map(|row| scene.row(row, &desired)).collect(), ..own.clone() }
    };
    let current = ledger(input.bases.current);
    let other = input.bases.other.map(ledger);
    let bases = Bases { current: &current, other: other.as_ref() };
    let mut merged = merge(&MergeInput { bases, desired: &desired, ..*input })?;
    let plain = Plain { bare: [Some(&current), other.as_ref()], input };
    merged.ledger.rows.iter_mut().for_each(|row| plain.veil(row));
    for key in left {
        keep(&mut merged, input, key);
    }
    Ok(merged)
}

/// What is there, and what else is known.
struct Scene<'a> {
    live: &'a Value,
    found: Found<'a>,
}

impl Scene<'_> {
    /// The declared value with its secrets, and whether all of them were found.
    fn declared(&self, declared: &Declared) -> (Declared, bool) {
        let (Want::Enforced(value) | Want::Default(value)) = &declared.want else {
            return (declared.clone(), true);
        };
        let mut value = value.clone();
        let mut is_whole = true;
        for secret in &declared.secrets {
            let known = self.found.secrets.get(&secret.source).map(|found| secret.text(found));
            let fitting = || self.fitting(&declared.key, &secret.at, secret.mark.as_ref()?);
            let text = known.or_else(fitting).unwrap_or_else(|| {
                is_whole = false;
                self.stranger(&declared.key, &secret.at, secret.mark.as_ref())
            });
            put(&mut value, &secret.at, text);
        }
        let want = match &declared.want {
            Want::Default(_) => Want::Default(value),
            _ => Want::Enforced(value),
        };
        (Declared { want, ..declared.clone() }, is_whole)
    }

    /// The row with its secrets, as far as they are still known somewhere.
    fn row(&self, row: &Row, desired: &[Declared]) -> Row {
        let mut row = row.clone();
        let wanted = desired.iter().find(|own| own.key == row.key).and_then(|own| value_of(&own.want));
        let fitting = |at: &[String], mark: &Mark| {
            let own = wanted.and_then(|value| find(value, at)).and_then(Value::as_str);
            let own = own.filter(|text| mark.fits(text)).map(str::to_owned);
            own.or_else(|| self.fitting(&row.key, at, mark))
        };
        if let Some(value) = &mut row.wrote {
            for Marked { at, mark } in &row.secrets {
                let text = fitting(at, mark).unwrap_or_else(|| self.stranger(&row.key, at, Some(mark)));
                put(value, at, text);
            }
        }
        let earlier = row.earlier_secrets.iter().filter_map(|wrote| {
            let mut value = wrote.value.clone();
            for Marked { at, mark } in &wrote.secrets {
                put(&mut value, at, fitting(at, mark)?);
            }
            Some(digest(&value))
        });
        let earlier: Vec<Digest> = earlier.collect();
        row.earlier.extend(earlier);
        row
    }

    /// The text at a place of an entry that the mark fits.
    fn fitting(&self, key: &Key, at: &[String], mark: &Mark) -> Option<String> {
        let pointer = [&key.pointer(), at].concat();
        let places = std::iter::once(self.live).chain(self.found.texts);
        let mut texts = places.filter_map(|document| find(document, &pointer)?.as_str());
        texts.find(|text| mark.fits(text)).map(str::to_owned)
    }

    /// A text that is not there, the same for the same mark.
    fn stranger(&self, key: &Key, at: &[String], mark: Option<&Mark>) -> String {
        let of = mark.map(|mark| digest(&serde_json::json!(mark)).to_string()).unwrap_or_default();
        let mut text = format!("(secret {of})");
        let there = find(self.live, &[&key.pointer(), at].concat()).and_then(Value::as_str);
        while there == Some(text.as_str()) {
            text.push('.');
        }
        text
    }
}

fn value_of(want: &Want) -> Option<&Value> {
    match want {
        Want::Enforced(value) | Want::Default(value) => Some(value),
        Want::Absent => None,
    }
}

/// What takes the secrets out of rows again.
struct Plain<'a> {
    /// The ledgers with their secrets.
    bare: [Option<&'a DocumentLedger>; 2],
    input: &'a MergeInput<'a>,
}

impl Plain<'_> {
    fn veil(&self, row: &mut Row) {
        let declared = self.input.desired.iter().find(|own| own.key == row.key);
        if let Some(Declared { want, secrets, .. }) = declared.filter(|own| !own.secrets.is_empty()) {
            row.wrote = value_of(want).cloned();
            row.secrets = Marked::of(secrets);
        }
        let bare = self.bare.into_iter().flatten().flat_map(|own| &own.rows);
        let bare: Vec<&Row> = bare.filter(|own| own.key == row.key).collect();
        let ledgers = [Some(self.input.bases.current), self.input.bases.other];
        let known = ledgers.into_iter().flatten().flat_map(|own| &own.rows);
        let known: Vec<&Row> = known.filter(|own| own.key == row.key).collect();
        let is_secret = |digest_of: &Digest| {
            bare.iter().zip(&known).any(|(bare, known)| {
                let wrote = bare.wrote.as_ref().filter(|_| !known.secrets.is_empty()).map(digest);
                wrote == Some(*digest_of)
                    || bare.earlier.contains(digest_of) && !known.earlier.contains(digest_of)
            })
        };
        row.earlier.retain(|own| !is_secret(own));
        let now = row.wrote.as_ref().map(|value| (value, &row.secrets));
        let mut earlier: Vec<Wrote> = Vec::new();
        for known in known {
            let last = known.wrote.clone().filter(|_| !known.secrets.is_empty());
            let last = last.map(|value| Wrote { value, secrets: known.secrets.clone() });
            for wrote in known.earlier_secrets.iter().cloned().chain(last) {
                let is_now = now
                    .is_some_and(|(value, secrets)| equal(value, &wrote.value) && *secrets == wrote.secrets);
                if !is_now && !earlier.contains(&wrote) {
                    earlier.push(wrote);
                }
            }
        }
        let surplus = earlier.len().saturating_sub(limits::EARLIER_VALUES_MAX);
        row.earlier_secrets = earlier.split_off(surplus);
    }
}

/// What is known of an entry that nothing was done about stays known: by the row of the generation that is
/// to be, if it has one.
fn keep(merged: &mut Merged, input: &MergeInput<'_>, key: &Key) {
    let ledgers = [input.bases.other, Some(input.bases.current)];
    let secrets: &[Secret] =
        input.desired.iter().find(|own| own.key == *key).map_or(&[], |own| own.secrets.as_slice());
    let marks = Marked::of(secrets);
    let rows = ledgers.into_iter().flatten().flat_map(|own| &own.rows).filter(|row| row.key == *key);
    let rows: Vec<&Row> = rows.collect();
    let Some(row) = rows.iter().find(|row| row.secrets == marks).or(rows.first()) else { return };
    merged.ledger.rows.push((*row).clone());
    let containers = ledgers.into_iter().flatten().flat_map(|own| &own.containers);
    let around: Vec<&(Pointer, Container)> =
        containers.filter(|(pointer, _)| key.pointer().starts_with(pointer)).collect();
    for (pointer, container) in around {
        let is_known = merged.ledger.containers.iter().any(|(own, _)| own == pointer);
        if !is_known && find(&merged.value, pointer).is_some() {
            merged.ledger.containers.push((pointer.clone(), container.clone()));
        }
    }
    merged.ledger.containers.sort_by(|(a, _), (b, _)| a.cmp(b));
}
