//! Checks of the promises, at every effect and every word of a tab.

use serde_json::Value;
use tollbox::core::balance::Confirmed;
use tollbox::core::charge::Key;
use tollbox::core::engine::{Answer, CallId, SendId};
use tollbox::core::outcome::{FailureReason, Outcome, What};
use tollbox::core::percent::percent_decode;
use tollbox::core::protocol::Request;
use tollbox::core::record::{Record, State, Verdict};
use tollbox::core::snapshot::{BillingStatus, ChargeRecord};

use super::World;
use super::books::usual_key;
use super::driver::Driver;
use super::server::{On, kind_and_keys};
use super::sign_out::NEXT_USER;
use super::tab::{Life, TabId};
use super::trace;

/// The lateness allowed to timers and turns.
const SLACK_MS: u64 = 5;
/// Failures during a call after which the journal counts as unreadable.
const JOURNAL_FAILURES: u32 = 3;
/// The time within which a tab, even a hidden one, finds another's change of which it was not told.
const OUTDATED_MS: u64 = 95_000;

impl<D: Driver> World<D> {
    /// Checks that a request which leaves is in the journal, and may leave now.
    pub fn check_send(&mut self, place: usize, send: SendId, request: &Request) {
        let (on, keys) = what_is_asked(request);
        // A look-up goes on under its number with the other spelling of its key.
        if send > self.tabs[place].last_send {
            self.tabs[place].last_send = send;
            self.spend_request(place);
        }
        let tab = &mut self.tabs[place];
        tab.asks.insert(send, (on, keys.clone()));
        let (id, path, now_ms) = (tab.id, &request.path, self.now.mono_ms);
        let insists = match on {
            On::Balance if tab.probes_past_hold > 0 => {
                tab.probes_past_hold -= 1;
                true
            }
            // A look-up may go twice, once for each spelling of the key.
            On::LookUp => tab.insists.contains(&keys[0]),
            _ => keys.len() == 1 && tab.insists.remove(&keys[0]),
        };
        if now_ms < tab.held_until_ms && !insists {
            let left_ms = tab.held_until_ms - now_ms;
            let what = format!("tab{id} sends {path} {left_ms} ms before Retry-After");
            return self.violate("7 patience", what);
        }
        if tab.life != Life::Live {
            let what = format!("tab{id} sends {path}, and is {:?}", tab.life);
            return self.violate("7 patience", what);
        }
        if let Some(outage) = &mut tab.outage {
            outage.sends += u64::from(on != On::Balance);
            if on != On::Balance && (outage.probed || outage.sends > D::SENDS_IN_DOUBT) {
                return self.violate("7 patience", format!("tab{id} sends {path} in an outage"));
            }
            outage.probes += u64::from(on == On::Balance);
            let passed_ms = now_ms - outage.since_ms;
            let regular = passed_ms / (self.config.backoff.max_ms / 4);
            if outage.probes > 14 + 8 * (outage.nudges + 1) + regular {
                let what = format!("tab{id} probes {outage:?} in {passed_ms} ms");
                return self.violate("7 patience", what);
            }
        }
        for key in keys {
            if on != On::LookUp {
                *self.books.sent.entry(key.clone()).or_default() += 1;
            }
            let record = self.record_of(&key).map(|(_, record)| record);
            let written = record.is_some_and(|record| on == On::LookUp || record.attempts() > 0);
            let lost = self.may_be_gone(&key);
            if !written && !lost {
                let what = format!("tab{id} sends {key}, and its attempt is not in the journal");
                return self.violate("2 nothing lost", what);
            }
        }
    }

    /// Checks that a tab which has signed out orders nothing about charges.
    pub fn check_ordered(&mut self, place: usize, request: &Request) {
        let tab = &self.tabs[place];
        if tab.engine.is_signed_out() && kind_and_keys(request).0 != On::Balance {
            let what = format!("tab{} sends {}, and has signed out", tab.id, request.path);
            self.violate("8 nobody else's", what);
        }
    }

    /// Checks that nothing leaves for an account that has signed out.
    pub fn check_departs(&mut self, place: usize, request: &Request) {
        let tab = &self.tabs[place];
        if self.books.signed_out_since > tab.session.mark() {
            let (id, path) = (tab.id, &request.path);
            let what = format!("tab{id} sends {path} though the account has signed out");
            self.violate("8 nobody else's", what);
        }
    }

    /// Checks that no user pays for another.
    pub fn check_strangers(&mut self) {
        if let Some(charge) = self.server.ledger.charges(NEXT_USER).first() {
            let key = charge.request.key().to_owned();
            let what = format!("{NEXT_USER} pays {key}");
            self.violate("8 nobody else's", what);
        }
    }

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
    /// and the server refused the copy: "nothing taken so far" is as much as this tab can say.
    fn can_not_know(&self, tab: TabId, key: &Key) -> bool {
        let by = self.books.charged_by.get(key.as_str());
        by.is_some_and(|(by, at_ms)| *by != tab && self.now.mono_ms - at_ms < OUTDATED_MS)
            || self.books.doubled.contains(key.as_str())
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
            self.check_written(place, &record.key);
        }
    }

    /// Checks that a charge is told as made only once the journal has it, unless writes fail.
    fn check_written(&mut self, place: usize, key: &Key) {
        let record = self.journal.records.get(key);
        let written = record.is_some_and(|record| record.receipt().is_some());
        let writable = self.counts.failed_transactions == 0;
        if writable && !written && !self.may_be_gone(key.as_str()) {
            let (id, line) = (self.tabs[place].id, record.map(trace::record));
            let what = format!("tab{id} says that {key} is charged, and the journal has {line:?}");
            self.violate("2 nothing lost", what);
        }
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
                if asked.what == "start" {
                    self.tabs[place].tasks.remove(&outcome.key);
                }
                self.check_outcome(id, asked.what, outcome);
                if let What::Charged { .. } = outcome.what {
                    self.check_written(place, &outcome.key);
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
            | Answer::Started
            | Answer::Record(_)
            | Answer::Flush(_)
            | Answer::Balance(_) => {}
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

/// The things to be paid that a request is about: by the key that the client makes for each,
/// whatever key it is sent under, and however that is spelt.
pub fn what_is_asked(request: &Request) -> (On, Vec<String>) {
    let (on, keys) = kind_and_keys(request);
    let body = request.body.as_deref();
    let Some(body) = body.and_then(|body| serde_json::from_str::<Value>(body).ok()) else {
        return (on, keys.iter().map(|key| as_its_user_spells(key)).collect());
    };
    let name = |charge: &Value| {
        let text = |name: &str| charge[name].as_str().unwrap_or_default();
        usual_key(text("feature"), text("task_id"))
    };
    let names = match body["charges"].as_array() {
        Some(charges) => charges.iter().map(name).collect(),
        None => vec![name(&body)],
    };
    (on, names)
}

/// A key of a look-up, which may have either spelling: the wire's is plain ASCII.
fn as_its_user_spells(key: &str) -> String {
    match key.is_ascii() {
        true => percent_decode(key).unwrap_or_default(),
        false => key.to_owned(),
    }
}
