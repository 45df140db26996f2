//! Charges that can't be stored: which of them fail, and which stay open because they may have been
//! sent before.

use super::calls::is_charged;
use super::context::Context;
use super::journal::{Store, Writer};
use crate::core::clock::Now;
use crate::core::outbox::Entry;
use crate::core::reason::FailureReason;
use crate::core::record::{Failure, Record};
use crate::core::text::Detail;

/// A charge whose record could not be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct EnqueueFailed<'a> {
    pub(super) error: &'a str,
    pub(super) cx: &'a Context,
    pub(super) store: &'a Store,
    pub(super) writer: &'a Writer,
    /// Whether other tabs are known to be alive.
    pub(super) others_live: bool,
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstStep {
    /// The journal is read: another tab may have charged it, which shows although writing fails.
    Read,
    /// Another tab has charged it meanwhile.
    Replay,
    /// It goes on; `unwritten` if it has to be written until that succeeds.
    GoOn { unwritten: bool },
}

/// What becomes of a charge that the journal does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was never stored, so it was not sent: it fails.
    Fails,
    /// It stays open, is stored as soon as that is possible, and then looked up.
    InDoubt,
    /// It keeps its state; the calls that wanted it reopened fail.
    CallsFail,
}

impl EnqueueFailed<'_> {
    pub(super) fn step(&self, entry: &Entry) -> FirstStep {
        let record = &entry.record;
        if self.is_new(entry) || !(record.is_held() || is_charged(record)) {
            FirstStep::Read
        } else if is_charged(record) {
            FirstStep::Replay
        } else {
            FirstStep::GoOn {
                unwritten: record.has_unknown_past() && !entry.saved,
            }
        }
    }

    /// The journal has been read, and does not have it.
    pub(super) fn fate(&self, entry: &Entry) -> Fate {
        match self.is_new(entry) {
            // It was there: another tab may have made it since.
            false if entry.saved && !entry.record.is_held() && !is_charged(&entry.record) => {
                Fate::InDoubt
            }
            false => Fate::CallsFail,
            true if self.store.may_have_been_sent(&entry.record.charge().key) => Fate::InDoubt,
            true => Fate::Fails,
        }
    }

    /// The journal can't be read for it, or not all of it.
    pub(super) fn fate_unread(&self, entry: &Entry) -> Fate {
        if !self.is_new(entry) {
            return Fate::CallsFail;
        }
        match self.fate(entry) {
            // It may be there without this client having heard of it.
            Fate::Fails if self.store.has_unread() || self.others_live => Fate::InDoubt,
            fate @ (Fate::Fails | Fate::InDoubt | Fate::CallsFail) => fate,
        }
    }

    /// Whether a charge has never been stored, here or elsewhere. A stored one does not fail for
    /// want of storage, even if its last change could not be written.
    pub(super) fn is_new(&self, entry: &Entry) -> bool {
        let record = &entry.record;
        let first = !entry.saved && record.revision() == 1 && !record.may_have_left();
        first && !self.writer.is_to_adopt(&record.charge().key)
    }

    /// Why it failed, if it did.
    pub(super) fn failure(&self) -> Failure {
        Failure {
            reason: FailureReason::StorageUnavailable,
            retryable: true,
            detail: Detail::Unstorable(self.error.to_owned()),
        }
    }

    /// Its record where it fails.
    pub(super) fn failed(&self, known: &Record) -> Record {
        Record::failed(known.charge().clone(), known.sequence(), self.failure())
    }

    /// Its record where it stays open, in doubt.
    pub(super) fn doubted(&self, now: Now, known: &Record) -> Record {
        let record = Record::open(known.charge().clone(), known.sequence());
        let record = record.in_doubt(now.wall_ms, self.cx.config.unknown_past_ms());
        match known.failure() {
            Some(failure) => record.turned_down(failure.clone()),
            None => record,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::charge::ChargeRequest;
    use crate::core::config::Config;
    use crate::core::engine::Earlier;
    use crate::core::outbox::{Outbox, Patience};
    use crate::core::points::Points;
    use crate::core::record::{Claim, Conclusion, Purpose, Receipt, Verdict};
    use crate::core::snapshot::StorageKind;

    const NOW: Now = Now {
        mono_ms: 1_000,
        wall_ms: 1_700_000_000_000,
    };

    fn open() -> Record {
        let request = ChargeRequest {
            task_id: "t1".to_owned(),
            amount: 5.0,
            feature: "f".to_owned(),
            ..ChargeRequest::default()
        };
        Record::open(request.into_charge(NOW.wall_ms).unwrap(), 1)
    }

    fn claimed() -> Record {
        let claim = Claim {
            tab: "tab".to_owned(),
            until_ms: NOW.wall_ms + 20_000,
            length_ms: 20_000,
        };
        let begun = open().begin(Purpose::Send, claim, NOW.wall_ms);
        begun.unwrap()
    }

    fn ended(verdict: Verdict) -> Record {
        let (attempt, verdict) = (Some((Purpose::Send, 1)), Conclusion::Settled(verdict));
        let ended = claimed().conclude("tab", attempt, verdict, 0, NOW.wall_ms);
        ended.unwrap()
    }

    fn charged() -> Record {
        ended(Verdict::Charged(Receipt {
            charge_id: "c1".to_owned(),
            charged_at: String::new(),
            balance: Points::ZERO,
            version: 1,
            held: None,
            replayed: false,
        }))
    }

    fn failed() -> Record {
        ended(Verdict::Failed(Failure {
            reason: FailureReason::Forbidden,
            retryable: true,
            detail: Detail::Said(None),
        }))
    }

    /// Tells of this charge, which can't be written, and may not be in the journal.
    fn of<T>(record: Record, saved: bool, tell: impl Fn(&EnqueueFailed<'_>, &Entry) -> T) -> T {
        let patience = Patience {
            delay_ms: 0,
            hold_ms: 0,
        };
        let mut outbox = Outbox::default();
        let key = record.charge().key.clone();
        outbox.put(record, saved, NOW, patience);
        let config = Config::default();
        let enqueue_failed = EnqueueFailed {
            error: "full",
            cx: &Context::new("a".to_owned(), "tab".to_owned(), config, 1),
            store: &Store::new(StorageKind::IndexedDb, Earlier::Nothing),
            writer: &Writer::default(),
            others_live: false,
        };
        tell(&enqueue_failed, outbox.get(&key).unwrap())
    }

    #[test]
    fn only_a_stored_failure_gone_from_the_journal_is_in_doubt() {
        let fate = |record, saved| of(record, saved, |failed, entry| failed.fate(entry));
        assert_eq!(fate(failed(), true), Fate::InDoubt);
        assert_eq!(fate(failed(), false), Fate::CallsFail);
        // Another tab has gone on with these, or made them.
        assert_eq!(fate(claimed(), true), Fate::CallsFail);
        assert_eq!(fate(charged(), true), Fate::CallsFail);
        assert_eq!(fate(open(), false), Fate::Fails);
    }

    #[test]
    fn only_an_unstored_charge_in_doubt_is_written_until_that_succeeds() {
        let step = |record, saved| of(record, saved, |failed, entry| failed.step(entry));
        let goes_on = |unwritten| FirstStep::GoOn { unwritten };
        let in_doubt = || open().in_doubt(NOW.wall_ms, 1_000);
        assert_eq!(step(in_doubt(), false), goes_on(true));
        assert_eq!(step(in_doubt(), true), goes_on(false));
        assert_eq!(step(claimed(), false), goes_on(false));
        assert_eq!(step(charged(), true), FirstStep::Replay);
        assert_eq!(step(open(), false), FirstStep::Read);
    }
}
