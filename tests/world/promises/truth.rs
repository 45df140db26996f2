//! Words: checks that answers and notices are true, by the ledger and the journal.

use tollbox::core::balance::Confirmed;
use tollbox::core::charge::Key;
use tollbox::core::engine::{Answer, CallId};
use tollbox::core::outcome::{FailureReason, Outcome, What};
use tollbox::core::record::{Record, State, Verdict};
use tollbox::core::snapshot::{BillingStatus, ChargeRecord};

use crate::world::World;
use crate::world::driver::Driver;
use crate::world::tab::{Life, TabId};
use crate::world::trace;

/// The lateness allowed to timers and turns.
const SLACK_MS: u64 = 5;
/// Failures during a call after which the journal counts as unreadable.
const JOURNAL_FAILURES: u32 = 3;
/// The time within which a tab, even a hidden one, finds another's change of which it was not told.
const OUTDATED_MS: u64 = 95_000;

impl<D: Driver> World<D> {
    /// The journal's record of a key.
    pub fn record_of(&self, key: &str) -> Option<(Key, &Record)> {
        let key = Key::new(key).ok()?;
        let record = self.journal.records.get(&key)?;
        Some((key, record))
    }

    /// Whether its client can't know the fate of the charge.
    pub fn is_excused(&self, key: &str) -> bool {
        let key = Key::new(key).ok();
        key.is_some_and(|key| {
            self.books.wiped.contains(&key) || self.books.forgotten.contains(&key)
        })
    }

    /// Whether the journal may have lost the record. That excuses no false answer.
    pub fn may_be_gone(&self, key: &str) -> bool {
        let damaged = Key::new(key).is_ok_and(|key| self.books.damaged.contains(&key));
        damaged || self.is_excused(key)
    }

    pub fn is_charged(&self, key: &Key, amount: u64) -> bool {
        let charged = self.books.charged.get(key.as_str());
        charged.is_some_and(|(_, last)| *last == amount)
    }

    /// Whether the tab can neither read nor write: it knows only its own requests then.
    fn is_blind(&self, tab: TabId) -> bool {
        let place = self.place(tab);
        place.is_some_and(|place| self.tabs[place].failures >= JOURNAL_FAILURES)
    }

    /// Whether another tab had the key charged a moment ago, or the network doubled a request of it
    /// and the server rejected the copy: "nothing taken so far" is as much as this tab can say.
    fn can_not_know(&self, tab: TabId, key: &Key) -> bool {
        let by = self.books.charged_by.get(key.as_str());
        by.is_some_and(|(by, at_ms)| *by != tab && self.now.mono_ms - at_ms < OUTDATED_MS)
            || self.books.doubled.contains(key.as_str())
    }

    /// Whether a task that starts now is news to those who are asked: the server has forgotten the key
    /// by now, or the journal that had the charge can't be read.
    fn is_past(&self, tab: TabId, key: &Key) -> bool {
        let place = self.place(tab);
        let unread = place.is_some_and(|place| self.tabs[place].engine.leaves_charges_unread());
        let by = self.books.charged_by.get(key.as_str());
        let key_ttl_ms = self.config.key_ttl_ms;
        let forgotten = by.is_some_and(|(_, at_ms)| self.now.mono_ms - at_ms >= key_ttl_ms);
        unread || forgotten
    }

    /// Whether another tab had the key charged after the transaction that this tab is just hearing
    /// of, whose findings were true at the time.
    fn is_overtaken(&self, tab: TabId, key: &Key) -> bool {
        let place = self.place(tab);
        let speaks_of_ms = place.and_then(|place| self.tabs[place].speaks_of_ms);
        let by = self.books.charged_by.get(key.as_str());
        speaks_of_ms.is_some_and(|read_ms| {
            by.is_some_and(|(by, charged_ms)| *by != tab && *charged_ms >= read_ms)
        })
    }

    /// Checks a charge that the ledger has just made.
    pub fn check_charged(&mut self, wire: &str, amount: u64) {
        let Ok(key) = Key::new(wire) else {
            return;
        };
        if self.books.wiped.contains(&key) {
            return;
        }
        if let Some((said, words)) = self.books.said_untaken.get(&key)
            && *said == amount
        {
            let what = format!("{wire} is charged after this was said: {words}");
            return self.violate("3 the truth", what);
        }
        let Some((_, record)) = self.record_of(wire) else {
            return;
        };
        let untaken = match record.state() {
            State::Settled(Verdict::Declined(_)) => true,
            State::Settled(Verdict::Failed(failure)) => failure.reason != FailureReason::Conflict,
            State::Settled(Verdict::Charged(_))
            | State::Waiting(_)
            | State::Attempting(_)
            | State::Parked(_) => false,
        };
        if untaken && record.charge().amount.get() == amount {
            let what = format!(
                "{wire} is charged, and the journal has {}",
                trace::record(record)
            );
            self.violate("3 the truth", what);
        }
    }

    /// Checks that listeners are told the truth.
    pub fn check_told(&mut self, place: usize, record: &ChargeRecord) {
        let charged = self.is_charged(&record.key, record.amount.get());
        let conflict = record.outcome.as_ref().is_some_and(is_conflict);
        let lie = match record.status {
            BillingStatus::Success => !charged,
            BillingStatus::Failed => {
                let id = self.tabs[place].id;
                let knows = !self.is_blind(id) && !self.is_excused(record.key.as_str());
                charged && !conflict && knows && !self.is_overtaken(id, &record.key)
            }
            BillingStatus::Pending | BillingStatus::Retrying | BillingStatus::Unknown => {
                let id = self.tabs[place].id;
                let what = record.outcome.as_ref().map(|outcome| &outcome.what);
                let certain = matches!(what, Some(What::Queued { .. }));
                let knows = !self.is_excused(record.key.as_str()) && !self.is_blind(id);
                let overtaken =
                    self.can_not_know(id, &record.key) || self.is_overtaken(id, &record.key);
                certain && charged && knows && !overtaken
            }
        };
        if lie {
            let id = self.tabs[place].id;
            let (key, status) = (&record.key, record.status);
            let what = format!("tab{id} tells {key} {status:?}; charged: {charged}: {record:?}");
            self.violate("3 the truth", what);
        } else if record.status == BillingStatus::Success {
            self.check_kept(place, &record.key);
        }
    }

    /// Checks that a charge is told as made only while the journal has it, perhaps still as open:
    /// whoever goes on with it after a death hears the same of its key.
    fn check_kept(&mut self, place: usize, key: &Key) {
        if !self.is_written(key) {
            self.tabs[place].told_early.insert(key.clone());
        }
        let record = self.journal.records.get(key);
        let kept = record.is_some_and(|record| record.is_held() || record.receipt().is_some());
        let writable = self.counts.failed_transactions == 0;
        if writable && !kept && !self.may_be_gone(key.as_str()) {
            let (id, line) = (self.tabs[place].id, record.map(trace::record));
            let what = format!("tab{id} says that {key} is charged, and the journal has {line:?}");
            self.violate("2 nothing lost", what);
        }
    }

    fn is_written(&self, key: &Key) -> bool {
        let record = self.journal.records.get(key);
        record.is_none_or(|record| record.receipt().is_some())
    }

    /// Checks that what was told as made before the journal said so is being written.
    pub fn check_told_early(&mut self, place: usize) {
        let mut early = std::mem::take(&mut self.tabs[place].told_early);
        early.retain(|key| !self.is_written(key) && !self.may_be_gone(key.as_str()));
        let tab = &mut self.tabs[place];
        let writes = tab.writing || !tab.engine.is_idle();
        let idle = !writes && self.counts.failed_transactions == 0;
        if let Some(key) = early.first().filter(|_| idle) {
            let what = format!(
                "tab{} says that {key} is charged, and writes nothing",
                tab.id
            );
            return self.violate("2 nothing lost", what);
        }
        tab.told_early = early;
    }

    pub fn answered(&mut self, place: usize, call: CallId, answer: &Answer) {
        let id = self.tabs[place].id;
        let Some(asked) = self.books.calls.remove(&call) else {
            return self.violate("contract", format!("call {call} is answered twice"));
        };
        let late_ms = asked
            .until_ms
            .map_or(0, |until_ms| self.now.mono_ms.saturating_sub(until_ms));
        // The other calls wait until the journal has been read, however slow it is.
        if late_ms > SLACK_MS && asked.what == "charge" {
            let what = format!("tab{id} answers {} {late_ms} ms too late", asked.what);
            self.violate("5 liveness", what);
        }
        match answer {
            Answer::Outcome(outcome) => {
                if asked.what == "start" && !self.is_starting(asked.tab, &outcome.key) {
                    self.tabs[place].tasks.remove(&outcome.key);
                }
                self.check_outcome(id, asked.what, outcome);
                if let What::Charged { .. } = outcome.what {
                    self.check_kept(place, &outcome.key);
                }
            }
            Answer::NotFound => {
                let read = asked.failures < JOURNAL_FAILURES;
                let key = asked.key.filter(|_| asked.known && read);
                if let Some(key) = key.filter(|key| self.journal.records.contains_key(key)) {
                    let what = format!("tab{id} does not find {key}, which the journal has");
                    self.violate("2 nothing lost", what);
                }
            }
            Answer::Closed if self.tabs[place].life == Life::Live && !self.is_over(place) => {
                self.violate(
                    "contract",
                    format!("tab{id} is open, and says that it is closed"),
                );
            }
            Answer::NotWaiting if asked.what != "settled" => {
                let what = format!("tab{id} does not answer {}", asked.what);
                self.violate("contract", what);
            }
            Answer::Closed
            | Answer::NotWaiting
            | Answer::Record(_)
            | Answer::Flush(_)
            | Answer::Balance(_) => {}
            Answer::Started => self.starts_again(asked.tab, asked.key.as_ref()),
            Answer::SignedOut(_) => {
                if self.is_over(place) {
                    self.books.signed_out_since = self.journal.mark;
                }
            }
        }
    }

    /// Checks that callers are told the truth.
    fn check_outcome(&mut self, id: TabId, asked: &str, outcome: &Outcome) {
        self.check_attempts(id, outcome);
        let key = &outcome.key;
        let charged = self.is_charged(key, outcome.amount.get());
        let knows = !self.is_excused(key.as_str());
        let lie = match &outcome.what {
            What::Charged { .. } => !charged,
            What::Declined { .. } | What::Failed { .. } => {
                let knows = knows && !self.is_blind(id) && !self.is_overtaken(id, key);
                let knows = knows && !(asked.starts_with("start") && self.is_past(id, key));
                charged && knows && !is_conflict(outcome)
            }
            What::Queued { .. } => charged && knows && !self.can_not_know(id, key),
            What::Unknown { .. } => false,
        };
        if lie {
            let what = format!("tab{id} answers {asked} of {key}; charged: {charged}: {outcome:?}");
            return self.violate("3 the truth", what);
        }
        match &outcome.what {
            What::Queued { durable: true, .. } | What::Unknown { durable: true, .. } => {
                self.books.promised.insert(key.clone());
                let kept = self.journal.records.contains_key(key);
                if !kept && !self.may_be_gone(key.as_str()) {
                    let what =
                        format!("tab{id} promises {key}, and the journal has nothing: {outcome:?}");
                    self.violate("2 nothing lost", what);
                }
            }
            What::Failed {
                retryable: true, ..
            } => {}
            What::Declined { .. } | What::Failed { .. }
                if !asked.starts_with("start") && !is_conflict(outcome) =>
            {
                self.said_untaken(outcome);
            }
            What::Charged { .. }
            | What::Queued { .. }
            | What::Unknown { .. }
            | What::Declined { .. }
            | What::Failed { .. } => {}
        }
    }

    /// Notes that the charge may not be made from now on, unless it is asked for again.
    fn said_untaken(&mut self, outcome: &Outcome) {
        let key = &outcome.key;
        let open = self.journal.records.get(key).is_some_and(Record::is_open);
        let again = self.books.calls.values().any(|asked| {
            matches!(asked.what, "charge" | "retry") && asked.key.as_ref() == Some(key)
        });
        let record = self.journal.records.get(key);
        // Another caller has just been told that it may still be made.
        let again = again || record.is_some_and(Record::is_retryable);
        let ended = self.books.ended.contains(key);
        if open && !ended && !self.is_excused(key.as_str()) {
            let what = format!("{key} goes on, and this was said: {:?}", outcome.what);
            return self.violate("3 the truth", what);
        }
        if !open && !again {
            let said = (outcome.amount.get(), format!("{:?}", outcome.what));
            self.books.said_untaken.insert(key.clone(), said);
        }
    }

    pub fn check_cached(&mut self, id: TabId, confirmed: &Confirmed) {
        let really = self.balance_at(confirmed.version);
        if really != Some(confirmed.balance.get()) {
            let what = format!("tab{id} caches {confirmed:?}, really it is {really:?}");
            self.violate("4 the balance", what);
        }
    }
}

pub fn is_conflict(outcome: &Outcome) -> bool {
    matches!(&outcome.what, What::Failed { reason, .. } if *reason == FailureReason::Conflict)
}
