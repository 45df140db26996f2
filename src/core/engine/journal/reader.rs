//! Reading the whole journal: the reading under way, and what earlier ones have established.

use super::super::{Effect, context::Context};
use crate::core::backoff::Backoff;
use crate::core::charge::Key;
use crate::core::clock::Now;
use crate::core::ordered::LongMap;
use crate::core::outbox::Entry;
use crate::core::record::Record;

/// How often a tab with open charges reads the journal and tries the due ones, whatever events it
/// got, in milliseconds.
const SLOW_TICK_MS: u64 = 30_000;

/// How often a tab without open charges reads the journal, in milliseconds.
const IDLE_TICK_MS: u64 = 300_000;

/// Readings of the whole journal.
#[derive(Debug)]
pub struct Reader {
    loading: Loading,
    known: Known,
    /// Whether nothing is known but what the last reading has shown, and what has been written since.
    exact: bool,
    /// The charges that this tab deletes, and whether that has ended: a reading that began before
    /// still shows them.
    deleted: LongMap<Key, bool>,
    /// Whether the reading under way has shown any of them.
    passed_over: bool,
    /// The number of transactions begun when the page woke, until the journal has been read since:
    /// their results may be old.
    woke_at: Option<u64>,
    /// Consecutive failed readings, not counting those of single charges.
    failures: u32,
    /// When the next unrequested reading is due; monotonic.
    next_look_ms: u64,
    /// Whether the wall clock was set back before the journal had been read.
    ages_lost: bool,
}

/// The reading under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loading {
    None,
    UnderWay {
        /// Whether it covers the whole journal or only the unsettled charges.
        all: bool,
        /// Whether it was requested too early and must be repeated.
        again: bool,
    },
}

/// The extent of what has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// Nothing since the client was opened.
    Nothing,
    /// The unsettled charges; or later events made the rest doubtful.
    Unsettled,
    /// The whole journal.
    All,
}

/// The end of a reading.
#[derive(Debug)]
pub enum Loaded {
    /// It was requested too early and is repeated.
    TooEarly,
    /// Its result holds.
    Read {
        /// Whether it covered the whole journal.
        all: bool,
        records: Vec<Record>,
    },
    /// It failed; the reason is human-readable.
    Failed(String),
}

impl Reader {
    /// A reader whose first reading has been ordered.
    pub fn new() -> Reader {
        Reader {
            loading: Loading::UnderWay {
                all: true,
                again: false,
            },
            known: Known::Nothing,
            exact: false,
            deleted: LongMap::default(),
            passed_over: false,
            woke_at: None,
            failures: 0,
            next_look_ms: 0,
            ages_lost: false,
        }
    }

    /// Orders a reading, unless one is under way. While nothing is `open` it covers the whole
    /// journal, so that these rarer readings find charges that settled unnoticed.
    pub fn read(&mut self, open: usize, cx: &mut Context) {
        if self.loading == Loading::None {
            let all = self.known != Known::All || open == 0;
            self.loading = Loading::UnderWay { all, again: false };
            for (key, ended) in std::mem::take(&mut self.deleted).iter() {
                if !ended {
                    self.deletes(key);
                }
            }
            cx.push(Effect::Load { all });
        }
    }

    /// Orders a reading of the journal as it is from now on.
    pub fn read_anew(&mut self, open: usize, cx: &mut Context) {
        match &mut self.loading {
            Loading::UnderWay { again, .. } => *again = true,
            Loading::None => self.read(open, cx),
        }
    }

    /// Whether a reading is under way.
    pub fn is_reading(&self) -> bool {
        self.loading != Loading::None
    }

    /// Whether the reading under way was requested too early.
    pub fn is_too_early(&self) -> bool {
        matches!(self.loading, Loading::UnderWay { again: true, .. })
    }

    /// This charge is to be deleted.
    pub fn deletes(&mut self, key: &Key) {
        self.deleted.insert(key.clone(), false);
    }

    /// The transaction that was to delete this charge has ended.
    pub fn has_deleted(&mut self, key: &Key) {
        match self.is_reading() {
            true => drop(self.deleted.insert(key.clone(), true)),
            false => self.keeps(key),
        }
    }

    /// This charge is not to be deleted after all.
    pub fn keeps(&mut self, key: &Key) {
        self.deleted.remove(key);
    }

    /// Whether the reading under way may show this charge as it was before it was deleted, so that it
    /// is to be passed over.
    pub fn passes_over(&mut self, key: &Key) -> bool {
        let passes = self.deleted.contains_key(key);
        self.passed_over |= passes;
        passes
    }

    /// A reading has ended.
    pub fn ended(&mut self, records: Result<Vec<Record>, String>) -> Loaded {
        let (all, again) = match std::mem::replace(&mut self.loading, Loading::None) {
            Loading::UnderWay { all, again } => (all, again),
            Loading::None => (false, false),
        };
        match records {
            Ok(_) if again => Loaded::TooEarly,
            Ok(records) => {
                self.failures = 0;
                self.woke_at = None;
                Loaded::Read { all, records }
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                Loaded::Failed(error)
            }
        }
    }

    /// A reading's result has been taken in. Returns whether the wall clock was set back before the
    /// first.
    pub fn taken(&mut self, all: bool) -> bool {
        let known = match all {
            true => Known::All,
            false => Known::Unsettled,
        };
        self.known = self.known.max(known);
        std::mem::take(&mut self.ages_lost)
    }

    /// Whether the journal has been read since the client was opened.
    pub fn has_read(&self) -> bool {
        self.known != Known::Nothing
    }

    /// Whether the whole journal has been read, and nothing since has made that doubtful.
    pub fn knows_all(&self) -> bool {
        self.known == Known::All
    }

    /// A reading of the whole journal has shown `everything` that is known, or has not: charges may
    /// have been deleted elsewhere, or their records be lost.
    pub fn has_shown(&mut self, everything: bool) {
        // The deletion of those that were passed over may yet fail.
        self.exact = everything && !std::mem::take(&mut self.passed_over);
    }

    /// Something could not be written: what is known may not be what is there.
    pub fn strays(&mut self) {
        self.exact = false;
    }

    /// Whether the whole journal is known, and nothing that is not there.
    pub fn knows_exactly(&self) -> bool {
        self.knows_all() && self.exact
    }

    /// Whether the last reading succeeded.
    pub fn works(&self) -> bool {
        self.failures == 0
    }

    /// The journal may have changes that have not been read.
    pub fn doubt(&mut self) {
        self.known = self.known.min(Known::Unsettled);
    }

    /// The page slept: nothing certain is reported of an open charge before the journal has been
    /// read again.
    pub fn woke(&mut self, begun: u64) {
        self.woke_at = Some(begun);
        self.doubt();
    }

    /// Whether the page has slept since this charge was last read.
    pub fn is_unread(&self, entry: &Entry) -> bool {
        self.woke_at.is_some_and(|begun| entry.read_in <= begun)
    }

    /// The wall clock was set back.
    pub fn clock_set_back(&mut self) {
        self.ages_lost = !self.has_read();
    }

    /// When the next unrequested reading is due; monotonic.
    pub fn next_look_ms(&self) -> u64 {
        self.next_look_ms
    }

    /// The first reading has ended.
    pub fn look_later(&mut self, now: Now, is_busy: bool) {
        self.next_look_ms = self.next_look_ms.max(now.after(tick_ms(is_busy)));
    }

    /// The last reading failed: the next one comes soon.
    pub fn look_after_failure(&mut self, now: Now, backoff: &Backoff, cx: &mut Context) {
        if self.failures > 0 {
            let delay_ms = backoff.delay_ms(self.failures, &mut cx.jitter);
            self.next_look_ms = now.after(delay_ms.max(1));
        }
    }

    /// Schedules a reading by this time.
    pub fn look_by(&mut self, at_ms: u64) {
        self.next_look_ms = self.next_look_ms.min(at_ms);
    }

    /// Orders a reading if one is due. An idle tab only has missed changes to find.
    pub fn look_if_due(&mut self, now: Now, is_busy: bool, open: usize, cx: &mut Context) {
        // A charge that opened meanwhile does not wait for an idle tab's reading.
        self.look_by(now.after(tick_ms(is_busy)));
        if now.mono_ms >= self.next_look_ms {
            self.next_look_ms = now.after(tick_ms(is_busy));
            self.read(open, cx);
        }
    }

    /// Shortens waits by the time that the machine slept.
    pub fn slept(&mut self, by_ms: u64) {
        self.next_look_ms = self.next_look_ms.saturating_sub(by_ms);
    }
}

fn tick_ms(is_busy: bool) -> u64 {
    match is_busy {
        true => SLOW_TICK_MS,
        false => IDLE_TICK_MS,
    }
}
