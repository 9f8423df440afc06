//! `cs` (claude-sync): a declarative configuration manager for Claude Code.
//!
//! A TOML *profile* declares hooks, agents, settings and thresholds; `cs plan` shows how that differs
//! from `~/.claude`; `cs apply` makes it so as a numbered *generation*; `cs rollback` goes back; `cs
//! uninstall` gives everything back, byte for byte. This page is the architecture: what there
//! is, which way it depends, and what always holds.
//!
//! # Bird's-eye view
//! Pure functions decide, a thin shell acts, state is an immutable snapshot switched
//! atomically, and intent is durable before the world changes.
//!
//! ```text
//! profile ─► desired ┐
//! disk    ─► observed├─► plan ─► check ─► stage ─► commit ─► converge ─► verify ─► generation
//! last    ─► base    ┘   └──────────── pure ───┘   └──────────── shell ──────────┘
//! generation
//! ```
//!
//! One executable: the bundled hooks are entry points of `cs`, chosen by the name it is called
//! by, so there is one file to install and no version skew.
//!
//! ```text
//! hooks:  event ─► guard, decide ─► answer          a session's start ─► upkeep (detached)
//!           └───► record ─► journal ─────────────────────────────────────► fold ─► snapshot
//! ```
//!
//! # Map
//! | module | is | does |
//! |---|---|---|
//! | [`model`] | pure | the nouns: managed paths, digests, generation numbers, desired entries, the ledger, limits |
//! | [`command`] | pure | shell text → the commands it would run, and their shape: what they are, without what they say |
//! | [`guard`] | pure | what a command could destroy: one family of rules a file |
//! | [`learn`] | pure | what calls teach: which command of a line failed, what failed session after session, and when there is enough of it for an agent |
//! | [`profile`] | pure | TOML text → desired state: parse, compose, conditions, checks; the machine is asked through a trait |
//! | [`document`] | pure | keyed three-way merge of JSON documents, on a tree that remembers every byte |
//! | [`generation`] | pure | what a generation is on disk; retention; differences |
//! | [`plan`] | pure | base × observed × desired → steps with reasons; an independent checker; what is secret |
//! | [`draft`] | pure | what is there → a profile that declares it; edits of a profile that leave the rest alone |
//! | [`doctor`] | pure | what the client would ignore, and what is wrong with our own state: texts and looks → findings |
//! | [`crypto`] | pure | seals, the ring of keys, the node key, which machine this is |
//! | [`mesh`] | pure | what hosts tell each other of what they learned: signed, merged in any order, and what a hint may make of it |
//! | [`knowledge`] | shell | what was learned, and the folder it lives in |
//! | [`root`] | shell | a configuration folder: locate, lock, observe, stage, converge, recover |
//! | [`remote`] | shell | profiles from git repositories: fetched, pinned, read from the commit; and the refs that hosts leave for each other |
//! | [`hook`] | shell | the bundled hooks |
//! | [`sys`] | shell | the only module that may touch files, environment, clock, randomness or processes; counts every mutating call |
//! | [`cli`] | shell | arguments → requests; one file per command; errors → exit codes and remedies |
//!
//! Dependencies point down: `cli → root → plan → generation, document, profile → model`, and `cli → draft, doctor →
//! plan, profile, document`; only the shell reaches `sys`; `hook → knowledge, guard → command, crypto → model` never imports the engine. A test (`tidy`) holds the edges.
//!
//! # What lies on disk
//! ```text
//! ~/.claude/
//!   settings.json            the user's regular file; cs owns only recorded entries in it; so in
//!                            .claude.json beside the root, or a project's .mcp.json, for MCP servers
//!   hooks/NAME  agents/NAME.md …    links: ../claude-sync/current/files/…; in a project copies, which a
//!                            clone has (but for the bundled hooks: they are this machine's cs). There hooks are wired
//!                            in settings.local.json; in settings.json, by "$CLAUDE_PROJECT_DIR", those that are shared
//!   claude-sync/             0700
//!     current -> generations/12     flipped by one rename
//!     pending                there only while a transaction is open
//!     generations/12/        manifest.json  ledger.json  runtime.json  files/  documents/  (originals/)
//!     seal.key               opens what the ledger has sealed; made when it is first needed
//!     displaced/             what was moved aside, by the generation that did it; in .edited/ what others had made
//!                            of ours and is declared by now: it comes back in the stead of that
//!     seen.json              digests of what stood in documents, and of the names of files, when somebody last went
//!                            through it; and of what was captured since, which the next apply takes over
//!     gitignore.json         what was added to a project's .gitignore
//!     lock
//!     claude-sync.lock       the commits that a remote profile is read at; for one's own it lies beside that
//!   learning/                what was learned, a folder for each host: see [`knowledge`]
//! ```
//! Contents live in the generation, so rolling back needs neither repository nor network.
//! Remote profiles are read from a cache outside the root ([`remote`]), which can be lost.
//! Unchanged files are shared between generations (one inode, read-only). Who writes them all the same is told by
//! their digests: what is declared is stored anew in a file of its own, and going back takes a content
//! only where it is as it was stored. Before `cs capture` overwrites the source that still has such a content, the
//! generation keeps it (`originals/`).
//!
//! # Who owns what
//! Ownership is kept beside the files, in the *ledger*, never in them: the client drops marks when
//! it rewrites. The smallest owned thing is an entry: a link, a scalar, one element of a
//! set-like list, one hook. The merge asks one question of each: *what would be there without us?*
//! ([`mod@document::merge`] has the answer.) A value of the user's that an entry stands on is
//! remembered as the newest value that no generation of ours wrote, and comes back.
//!
//! # Secrets
//! A declared text may stand elsewhere ([`model::secret`]): in the environment, in a file, behind a program. The
//! shell looks it up; manifests and ledgers hold its source and a salted mark, which tells what is there
//! from what was written. The merge knows nothing of that (`merge_found` puts texts in before it and takes them
//! out after it). What entries of ours stand on and looks like a secret lies sealed in the ledger; of
//! documents with secrets nothing is kept in plain once a transaction is over.
//!
//! # The transaction
//! A generation is staged whole, new bytes of every document included, then `pending` is written:
//! the commit. [`root::converge`] then brings the disk there, looking at each thing and doing what
//! is missing, in an order that keeps settings.json from ever naming a hook that isn't there. There
//! is no log of steps: an interrupted apply is found by the next `cs`, which finishes it if it had
//! arrived and undoes it otherwise. A process that was killed and one that failed leave the same
//! bytes behind, so both are told the same: until it has arrived, it did not happen.
//!
//! # Invariants
//! 1. Planning is a pure function of (desired, observed, base). Applying makes no choices of its
//!    own; where a document moved meanwhile it is merged again, by the same function.
//! 2. A plan is checked by code that shares nothing with the planner: every step at a declared or
//!    owned path, no entry touched that is not owned, and the JSON patch applied to the live
//!    value equals the parse of the edited text. A merge that would make the client
//!    drop the file is refused; where the file was void before, for a reason that is not ours, that is said.
//! 3. Nothing is changed before the whole of it is staged and the intent is durable. After a kill at any
//!    mutating call the next `cs` converges to the new state or the old.
//! 4. At no instant, in either direction, does settings.json name a hook of ours that is not there.
//! 5. Applying twice plans nothing the second time, and writes nothing.
//! 6. Uninstall after apply gives back every file byte for byte; with edits by others in
//!    between, what remains equals the same edits made on the original.
//! 7. Entries not owned keep their bytes, their order and their position.
//! 8. Rollback is applying an older generation's desired state: the same engine, a new generation.
//! 9. Ownership lives beside the files, never in them.
//! 10. A file of a newer format is refused, never rewritten.
//! 11. A key that is gone is gone: nothing re-derives it. Only "not found" means that there is none; any
//!     other failure to open it is an error, and where something is sealed no new one is made.
//!     A clock that is wrong for a moment destroys nothing ([`knowledge::calendar`]).
//! 12. A hook exits 0 and prints nothing or one valid answer. It never waits for a lock, never calls
//!     fsync, never derives from a password; what is late or broken silences learning, never the guard:
//!     where that can't tell in its second, a person is asked.
//! 13. What comes from a repository is applied at a commit that somebody said yes to, having been shown all it
//!     comes to, or all that differs from one they had said yes to; it reaches nothing outside its repository.
//! 14. No text that came in through a hook reaches the disk or the network: what is recorded has no field
//!     for text, and every word it is shown by is compiled in.
//!
//! # What is said
//! Before a command that failed in session after session a hook says so ([`learn::streak`]); what worked after a
//! failure is offered on paper until a project's own score arms it ([`learn::correct`]); an agent that has enough to
//! look at is named once a session ([`learn::need`]). What each category of commands is about grows with use
//! ([`learn::schema`]).
//!
//! # What hosts tell each other
//! Only counts of forms, in codes of the vocabulary, signed by the host that they are of; of projects and sessions
//! nothing. Each host writes its own rows, whoever has several hosts' rows adds them up, and only those of nodes that a
//! person has trusted count. They make hints, and a quarter of a weight at most ([`mesh`]).
//! ssh and git carry them, in conversations in which both prove who they are ([`mesh::talk`]) and through refs of a
//! repository that each have one owner ([`remote`]); the profile says where hosts are found, and never whom to believe.

pub mod cli;
pub mod command;
pub mod crypto;
pub mod doctor;
pub mod document;
pub mod draft;
pub mod generation;
pub mod guard;
pub mod hook;
pub mod knowledge;
pub mod learn;
pub mod mesh;
pub mod model;
pub mod plan;
pub mod profile;
pub mod remote;
pub mod root;
pub mod sys;
