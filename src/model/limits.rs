//! Every bound in one place, with its reason. Units come last in the name.

/// A settings document larger than this is refused: the client ignores the whole of it (measured:
/// 2,097,152 bytes are read, one more is not). Real ones stay under 64 KiB.
pub const DOCUMENT_BYTES_MAX: u64 = 2 << 20;

/// A document larger than this is not even let go of: reading it whole is no longer reasonable.
pub const DOCUMENT_READ_BYTES_MAX: u64 = 16 << 20;

/// JSON nested deeper than this is refused before any recursive parser sees it.
/// `serde_json` stops at 128 by itself; real settings stay under 10.
pub const DOCUMENT_DEPTH_MAX: usize = 100;

/// A profile, or a file it extends, larger than this is refused: it is written by hand.
pub const PROFILE_BYTES_MAX: u64 = 4 << 20;

/// A secret larger than this is none: the largest that is usual, a bundle of certificates, has some 10 KiB.
pub const SECRET_BYTES_MAX: u64 = 64 << 10;

/// A program that prints a secret may take so long, in milliseconds: it may have to ask a person for a
/// passphrase.
pub const SECRET_MS_MAX: u64 = 120_000;

/// Of a longer line of a transcript only the beginning is read; nothing that runs a command is as long.
pub const TRANSCRIPT_LINE_BYTES_MAX: u64 = 64 << 20;

/// A trace that is replayed is read whole.
pub const TRACE_BYTES_MAX: u64 = 1 << 30;

/// A managed file larger than this is refused: hooks and agents are text; a whole
/// generation is copied for every change.
pub const SOURCE_BYTES_MAX: u64 = 64 << 20;

/// One component of a managed path, in bytes (`NAME_MAX` on every system we know).
pub const NAME_BYTES_MAX: usize = 255;

/// A managed path, in bytes: well under `PATH_MAX` (4,096) when the root is put before it.
pub const PATH_BYTES_MAX: usize = 1024;

/// How long one profile may extend another: a chain longer than this is a mistake.
pub const EXTENDS_DEPTH_MAX: usize = 32;

/// How often a document that others keep rewriting is merged again before giving up. A try takes
/// some 0.2 ms; a program that leaves no such pause in a hundred is running wild.
pub const SWAP_TRIES_MAX: u32 = 100;

/// How often all documents are looked at again after one of them was found changed.
pub const QUIET_ROUNDS_MAX: u32 = 10;

/// How many earlier values of an entry are remembered, so that a stale client which
/// writes one of them back is not taken for the user.
pub const EARLIER_VALUES_MAX: usize = 16;

/// How many of its neighbours a value that was taken out remembers, so that it finds its
/// place again when some of them are gone.
pub const NEIGHBOURS_MAX: usize = 8;

/// How many hook files that were taken away are remembered.
pub const GONE_HOOKS_MAX: usize = 64;

/// How long `cs` waits for another `cs` that holds the lock, in milliseconds.
pub const LOCK_WAIT_MS_MAX: u64 = 10_000;

/// Generations kept when an apply prunes: enough to look back over, small on disk
/// (unchanged files are shared).
pub const GENERATIONS_KEPT: usize = 50;

/// Time for a staged executable to answer before it counts as not runnable, in milliseconds.
pub const SELF_TEST_MS_MAX: u64 = 5_000;

/// Time for the client to say its version, in milliseconds: it takes some 100; on a cold disk ten times that.
pub const CLIENT_ANSWER_MS_MAX: u64 = 5_000;

/// Files that `cs doctor` looks at in one folder of agents, commands or rules, and how deep below it: more is
/// no such folder.
pub const DOCTOR_FILES_MAX: usize = 2_000;
pub const DOCTOR_DEPTH_MAX: usize = 8;

/// A Markdown file larger than this is not looked into: no context holds it.
pub const MARKDOWN_BYTES_MAX: u64 = 4 << 20;

/// What a hook reads of its input: a tool call of more is judged by what fits.
pub const HOOK_INPUT_BYTES_MAX: usize = 1 << 20;

/// A hook waits so long for the end of its input. The client closes the pipe at once.
pub const HOOK_INPUT_MS_MAX: u64 = 1_000;

/// The guard may take so long, on however busy a machine; then a person is asked. Its target is 10 ms.
pub const GUARD_MS_MAX: u64 = 1_000;

/// What the guard reads without a limit of time: however intricate, that takes it some tens of milliseconds,
/// since all that is read twice is counted. Nearly every command is shorter.
pub const GUARD_SHORT_BYTES_MAX: usize = 4 << 10;

/// And what it judges without one, in words, a command counting for eight more. A short text can come to
/// very many commands (functions that call each other), and each takes some 0.1 ms.
pub const GUARD_SMALL_WORDS_MAX: usize = 1_000;

/// No segment of a journal is larger (mission L7: 1 MB a day, for all journals together).
pub const JOURNAL_DAY_BYTES_MAX: u64 = 1_000_000;

/// What tools did on one day: some 6,000 records; the busiest day seen had 1,556. With the trail that
/// leaves 50 kB of the day's megabyte for those that write at the same time and find room at the same time.
pub const PATTERNS_DAY_BYTES_MAX: u64 = 850_000;

/// After so many bytes of records they are folded, by a process of its own: some 150 calls. A hook reads what was
/// not folded yet, at every call, so it had better be little.
pub const UNFOLDED_BYTES_MAX: u64 = 32 << 10;

/// The audit trail of one day: some 900 entries.
pub const AUDIT_DAY_BYTES_MAX: u64 = 100_000;

/// The sealed snapshot of what is known; with seven days of journals it stays below 30 MB (mission L7).
pub const KNOWLEDGE_BYTES_MAX: u64 = 8 << 20;

/// A key is destroyed after so many days (mission S3).
pub const KEY_DAYS_MAX: u32 = 7;
/// A file of keys larger than this is not one of ours: a ring of 1,000 epochs has some 80 kB.
pub const KEY_FILE_BYTES_MAX: u64 = 256 << 10;

/// How far the clock may be ahead of the newest record before a new epoch is begun, in days: a clock
/// that jumped ahead by mistake would take all later keys with it.
pub const CLOCK_JUMP_DAYS_MAX: u32 = 2;

/// Knowledge is kept so long where the profile says nothing (mission S5).
pub const RETENTION_DAYS: u16 = 30;
/// How long a host's folder in a shared home is kept after the host last wrote to it, in days: as long as
/// the longest anything learned is kept by default.
pub const HOST_IDLE_DAYS_MAX: u64 = 30;
