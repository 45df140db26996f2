//! The promises, checked after every step of the world.

use tollbox::core::charge::Key;
use tollbox::core::clock::parse_http_date;
use tollbox::core::engine::Answer;
use tollbox::core::outcome::{FailureReason, Outcome, What};
use tollbox::core::protocol::{Request, Response};
use tollbox::core::record::{Purpose, Record, State};
use tollbox::core::snapshot::BillingStatus;

use super::World;
use crate::server::{On, kind_and_keys};

impl World {
    pub(super) fn check(&mut self) {
        for tab in self.live() {
            self.check_tab(tab);
        }
    }

    fn check_tab(&mut self, number: usize) {
        let snapshot = self.snapshot(number);
        let stats = &snapshot.stats;
        let sum = stats.charged + stats.declined + stats.failed + stats.unknown + stats.open;
        if stats.enqueued != sum {
            self.fail(&format!("tab{number}: the counts don't add up: {stats:?}"));
        }
        let queue = snapshot.queue;
        if queue.pending + queue.retrying + queue.unknown == 0
            && self.tab(number).tasks.is_empty()
            && !self.tasks_shared
            && queue.held_points.get() != 0
        {
            self.fail(&format!(
                "tab{number}: nothing is open, and {} points are held",
                queue.held_points
            ));
        }
        let Some(balance) = snapshot.balance else {
            return;
        };
        if self.tab(number).signed_out {
            self.fail(&format!(
                "tab{number} is signed out and shows a balance: {balance:?}"
            ));
        }
        if balance.version < self.tab(number).last_version {
            self.fail(&format!(
                "tab{number}: the balance's version went back: {balance:?}"
            ));
        }
        self.engine(number).last_version = balance.version;
        let most = self.most_available(number);
        if balance.available.get() > most {
            self.fail(&format!(
                "tab{number}: {balance:?} flatters: {most} at most are available"
            ));
        }
    }

    /// Everything ever credited, less what this tab knows to be charged or open.
    fn most_available(&self, number: usize) -> u64 {
        let spent: u64 = self
            .tab(number)
            .seen
            .values()
            .filter(|seen| {
                let open = match seen.status {
                    BillingStatus::Pending | BillingStatus::Retrying => true,
                    // A charge lost from the journal is not held.
                    BillingStatus::Unknown => self.record(&seen.key).is_some(),
                    BillingStatus::Success | BillingStatus::Failed => false,
                };
                // This tab may not have heard yet of another tab's charge.
                let sent = seen.attempts > 0;
                open || (sent && self.server.charged.contains_key(&seen.key.wire()))
            })
            .map(|seen| seen.amount.get())
            .sum();
        self.server.credited.saturating_sub(spent)
    }

    /// A charge is sent only with its attempt in the journal, and not before Retry-After.
    pub(super) fn check_send(&mut self, number: usize, request: &Request) {
        let (on, keys) = kind_and_keys(request);
        let held = self.now.mono_ms < self.tab(number).held_until_ms;
        if held && self.tab(number).passes > 0 {
            self.engine(number).passes -= 1;
        } else if held {
            self.fail(&format!(
                "tab{number} sends {} before Retry-After",
                request.path
            ));
        }
        let tab = self.tab(number);
        if tab.outage && on != On::Balance {
            self.fail(&format!("tab{number} sends {} in an outage", request.path));
        }
        if tab.session.is_over(self.signed_out_since) {
            self.fail(&format!(
                "tab{number} sends {} after another tab has signed out",
                request.path
            ));
        }
        if tab.signed_out && on != On::Balance {
            self.fail(&format!(
                "tab{number} sends {} after it has signed out",
                request.path
            ));
        }
        let purpose = match on {
            On::Charge | On::Batch => Purpose::Send,
            On::LookUp => Purpose::LookUp,
            On::Balance | On::Any | On::AnyCharge => return,
        };
        for wire in keys {
            let is_it = |key: &Key| {
                let raw = on == On::LookUp && key.as_str() == wire;
                key.wire() == wire || raw
            };
            let records = self.journal.values();
            // One spelling may stand for two keys.
            let records: Vec<&Record> = records
                .filter(|record| is_it(&record.charge().key))
                .collect();
            let claimed = records.iter().any(|record| match record.state() {
                State::Attempting(attempting) => {
                    attempting.claim().tab == format!("tab{number}")
                        && attempting.purpose() == purpose
                }
                State::Waiting(_) | State::Parked(_) | State::Settled(_) => false,
            });
            if !claimed {
                self.fail(&format!(
                    "tab{number} sends {wire}, and the journal has {records:?}"
                ));
            }
        }
    }

    /// An answer is true by the ledger and the journal.
    pub(super) fn check_answer(&mut self, number: usize, answer: &Answer) {
        let Answer::Outcome(outcome) = answer else {
            return;
        };
        let charged = self.server.charged.get(&outcome.key.wire()).copied();
        match &outcome.what {
            What::Charged { .. } => {
                if charged != Some(outcome.amount.get()) {
                    self.fail(&format!(
                        "tab{number} says {outcome:?}, and the ledger has {charged:?}"
                    ));
                }
            }
            What::Failed {
                reason: FailureReason::Conflict,
                ..
            } => {}
            What::Declined { .. } | What::Failed { .. } => {
                if charged.is_some() {
                    self.fail(&format!(
                        "tab{number} says {outcome:?}, and the ledger has charged it"
                    ));
                }
            }
            What::Queued { durable, .. } => {
                if charged.is_some() {
                    self.fail(&format!(
                        "tab{number} says {outcome:?}, and the ledger has charged it"
                    ));
                }
                self.check_durable(number, outcome, *durable);
            }
            What::Unknown { durable, .. } => self.check_durable(number, outcome, *durable),
        }
    }

    fn check_durable(&self, number: usize, outcome: &Outcome, durable: bool) {
        let kept = self.record(&outcome.key).is_some();
        if durable && !kept {
            self.fail(&format!(
                "tab{number} says {outcome:?}, and the journal has {:?}",
                self.record(&outcome.key)
            ));
        }
    }

    pub fn record(&self, key: &Key) -> Option<&Record> {
        self.journal.get(key)
    }

    /// Notes the Retry-After of an answer, as any HTTP client would.
    pub(super) fn note_answer(&mut self, number: usize, response: &Response) {
        let (wall_ms, longest_ms) = (self.now.wall_ms, self.config.backoff.max_ms);
        let mono_ms = self.now.mono_ms;
        let tab = self.engine(number);
        tab.outage = false;
        if !matches!(response.status, 429 | 503) {
            return;
        }
        let wait_ms = response
            .retry_after
            .as_deref()
            .and_then(|text| match text.parse::<u64>() {
                Ok(seconds) => Some(seconds * 1_000),
                Err(_) => {
                    let said_at_ms = response.date.as_deref().and_then(parse_http_date);
                    let until_ms = parse_http_date(text)?;
                    Some(match said_at_ms {
                        Some(said_at_ms) => until_ms.saturating_sub(said_at_ms),
                        None => until_ms.saturating_sub(wall_ms).min(longest_ms),
                    })
                }
            });
        let own_word = response.content_type.as_deref() == Some("application/problem+json");
        let most_ms = if own_word { 86_400_000 } else { longest_ms };
        if let Some(wait_ms) = wait_ms.map(|wait_ms| wait_ms.min(most_ms)) {
            tab.held_until_ms = tab.held_until_ms.max(mono_ms + wait_ms.min(86_400_000));
        }
    }
}
