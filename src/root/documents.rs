//! The documents' part of converging: merged, swapped in, and looked at again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::converge::{Direction, NO_LEDGER, Worker};
use super::{Error, observe, swap};
use crate::document::{Bases, Found, MergeInput, Refusal, merge_found};
use crate::model::key::dotted;
use crate::model::{Digest, DocumentId, DocumentLedger, Ledger, Secrets, limits};
use crate::sys::fs;

/// What a document is to become.
enum Target {
    /// It is right; this is the ledger that goes with it.
    AsItIs(DocumentLedger),
    Put(Option<Vec<u8>>, DocumentLedger),
}

/// A document after one look at it.
struct Settled {
    ledger: DocumentLedger,
    /// It was right already.
    was_right: bool,
}

/// What stands in the way of a merge. The line itself is not quoted: it may hold a secret.
fn told(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Fault(fault) => format!("it {} (line {})", fault.kind, fault.line),
        Refusal::Shape { pointer, found, wanted, .. } => {
            format!("{} is {found}, and {wanted} is needed there", dotted(pointer))
        }
        Refusal::Sealed { key } => format!("what {key} stands on is sealed, and the key is gone"),
    }
}

impl Worker<'_> {
    /// The file of a document: where it was when the transaction was planned.
    fn document_path(&self, id: DocumentId) -> Result<PathBuf, Error> {
        match self.course.new.manifest.documents.get(&id) {
            Some(record) => Ok(PathBuf::from(&record.path)),
            None => Ok(observe::observe_document(&self.locked.store, id)?.path),
        }
    }

    /// Whether a document has what the generation that is to be declares.
    pub(super) fn document_has_arrived(&self, id: DocumentId) -> Result<bool, Error> {
        let path = self.document_path(id)?;
        let live = swap::see(&path)?;
        Ok(matches!(self.target(id, &path, live.as_ref(), false)?, Target::AsItIs(_)))
    }

    /// Every document, until all of them are found right. A program that has read one before us
    /// and writes it after us takes our entries out again: what it wrote is merged like
    /// anything else. One that does so forever is left alone after a while, and `verify` tells.
    ///
    /// `is_first`: nothing of this run has touched them yet.
    pub(super) fn documents(&self, is_first: bool) -> Result<BTreeMap<DocumentId, DocumentLedger>, Error> {
        let mut ledgers = BTreeMap::new();
        for round in 0..limits::QUIET_ROUNDS_MAX {
            let mut is_quiet = true;
            for id in self.course.documents() {
                let Settled { ledger, was_right } = self.document(id, is_first && round == 0)?;
                is_quiet &= was_right;
                ledgers.insert(id, ledger);
            }
            if is_quiet {
                break;
            }
        }
        ledgers.retain(|_, ledger| !ledger.rows.is_empty() || !ledger.containers.is_empty());
        Ok(ledgers)
    }

    fn document(&self, id: DocumentId, is_first: bool) -> Result<Settled, Error> {
        let path = self.document_path(id)?;
        for tried in 0..limits::SWAP_TRIES_MAX {
            let live = swap::see(&path)?;
            let (want, ledger) = match self.target(id, &path, live.as_ref(), is_first && tried == 0)? {
                Target::AsItIs(ledger) => return Ok(Settled { ledger, was_right: true }),
                Target::Put(want, ledger) => (want, ledger),
            };
            let planned = self.course.new.manifest.documents.get(&id).map(|record| record.mode);
            let mode = live.as_ref().map(|live| live.mode).or(planned).unwrap_or(0o600);
            if swap::swap(&path, live.as_ref(), want.as_deref(), mode)? == swap::Swapped::Done {
                if let Some(folder) = path.parent() {
                    self.locked.sync(folder)?;
                }
                return Ok(Settled { ledger, was_right: false });
            }
        }
        Err(Error::Busy(path))
    }

    /// What the document is to become: its saved bytes where it is as one of the two generations left
    /// it, else the same merge as in planning, over both ledgers.
    fn target(
        &self,
        id: DocumentId,
        path: &Path,
        live: Option<&swap::Seen>,
        is_first: bool,
    ) -> Result<Target, Error> {
        let nothing = DocumentLedger::default();
        let own = |ledger: &Ledger| ledger.documents.get(&id).cloned().unwrap_or_default();
        let planned = own(self.course.goal_ledger());
        let digest = live.map(swap::Seen::digest);
        if let Some(record) = self.course.new.manifest.documents.get(&id) {
            let (goal, start) = match self.course.direction {
                Direction::Forward => (record.after, record.before),
                Direction::Back => (record.before, record.after),
            };
            if digest == goal {
                return Ok(Target::AsItIs(planned));
            }
            if digest == start {
                // Of one with secrets nothing is kept when it is over: what undoes it then is a merge.
                let Some(goal) = goal else { return Ok(Target::Put(None, planned)) };
                if let Some(bytes) = self.saved(id, goal)? {
                    return Ok(Target::Put(Some(bytes), planned));
                }
            }
            // Rewritten by others, and never yet by us: there is nothing to undo.
            let is_untouched = is_first
                && record.after.is_some()
                && swap::see(&swap::path_of(path))?.map(|ready| ready.digest()) == record.after;
            if self.course.direction == Direction::Back && is_untouched {
                return Ok(Target::AsItIs(planned));
            }
        }
        let text = live.map(|live| String::from_utf8_lossy(&live.bytes).into_owned());
        let old = self.course.old.map_or(&NO_LEDGER as &Ledger, |side| &side.ledger);
        let root = &self.locked.store.root;
        let leaving: Vec<String> = self
            .course
            .leaving()
            .filter(|(_, row)| row.how.aside().is_none())
            .map(|(path, _)| format!("{}/{path}", root.text()))
            .collect();
        let home = root.home_text();
        let returning = old.returning(self.course.goal_ledger());
        let returning: Vec<String> = returning.map(|path| format!("{}/{path}", root.text())).collect();
        let texts = self.kept_texts(id)?;
        let found = Found { secrets: &Secrets::default(), texts: &texts, leaves_unknown: true };
        let merging = MergeInput {
            bases: Bases {
                current: old.documents.get(&id).unwrap_or(&nothing),
                other: self.course.new.ledger.documents.get(&id),
            },
            live: text.as_deref(),
            desired: self.course.goal_state().documents.get(&id).map(Vec::as_slice).unwrap_or_default(),
            adopts: self.course.goal_state().adopts,
            letting_go: self.course.letting_go(),
            leaving: &leaving,
            returning: &returning,
            home: home.as_deref(),
        };
        let merged = merge_found(&merging, found).map_err(|refusal| Error::Undecided {
            to: self.course.new.manifest.generation,
            why: format!("{} was changed into something cs can't merge: {}", path.display(), told(&refusal)),
        })?;
        if merged.text == text {
            return Ok(Target::AsItIs(merged.ledger));
        }
        Ok(Target::Put(merged.text.map(String::into_bytes), merged.ledger))
    }

    /// What is kept of the document while the transaction is open: what of secrets is to be written is in there.
    fn kept_texts(&self, id: DocumentId) -> Result<Vec<serde_json::Value>, Error> {
        let sides = [Some(self.course.new), self.course.old];
        let mut declared =
            sides.into_iter().flatten().filter_map(|side| side.manifest.state.documents.get(&id));
        if !declared.any(|list| list.iter().any(|own| !own.secrets.is_empty())) {
            return Ok(Vec::new());
        }
        let folder = self.locked.store.generation(self.course.new.manifest.generation).join("documents");
        let mut texts = Vec::new();
        for name in ["after", "before"] {
            let path = folder.join(format!("{id}.{name}"));
            let bytes = fs::read_if_there(&path, limits::DOCUMENT_READ_BYTES_MAX * 2)?;
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            let value = text.and_then(|text| serde_json::from_str(text.trim_start_matches('\u{feff}')).ok());
            texts.extend(value);
        }
        Ok(texts)
    }

    /// The bytes that are to be; nothing where they are not kept any more.
    fn saved(&self, id: DocumentId, goal: Digest) -> Result<Option<Vec<u8>>, Error> {
        let generation = self.course.new.manifest.generation;
        let name = match self.course.direction {
            Direction::Forward => "after",
            Direction::Back => "before",
        };
        let path = self.locked.store.generation(generation).join("documents").join(format!("{id}.{name}"));
        let Some(bytes) = fs::read_if_there(&path, limits::DOCUMENT_READ_BYTES_MAX * 2)? else {
            return Ok(None);
        };
        if Digest::of(&bytes) != goal {
            return Err(Error::Corrupt { generation, path: format!("documents/{id}.{name}") });
        }
        Ok(Some(bytes))
    }
}
