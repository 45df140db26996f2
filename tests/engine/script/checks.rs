//! Checks that hold where only a script goes against the client: stricter than the world's.

use tollbox::core::charge::Key;
use tollbox::core::engine::Answer;
use tollbox::core::outcome::{FailureReason, What};
use tollbox::core::record::{Purpose, Record, State};

use super::World;
use crate::world::Sending;
use crate::world::server::{On, kind_and_keys};

impl World {
    /// Checks what each tab shows, after every step.
    pub fn check_tabs(&mut self) {
        for place in 0..self.tabs.len() {
            let tab = &self.tabs[place];
            let snapshot = tab.engine.snapshot(tab.now(self.now));
            self.check_snapshot(place, &snapshot);
        }
    }

    /// Checks an outcome by the ledger and the journal of now, whatever its tab could know.
    pub fn check_word(&self, answer: &Answer) {
        let Answer::Outcome(outcome) = answer else {
            return;
        };
        let charged = self.server.times_charged(&outcome.key.wire()) > 0;
        let (untaken, durable) = match &outcome.what {
            What::Charged { .. } => (false, false),
            What::Declined { .. } => (true, false),
            What::Failed { reason, .. } => (*reason != FailureReason::Conflict, false),
            What::Queued { durable, .. } => (true, *durable),
            What::Unknown { durable, .. } => (false, *durable),
        };
        if untaken && charged {
            self.fail(&format!(
                "the ledger has charged what is said to be {outcome:?}"
            ));
        }
        if durable && self.record(&outcome.key).is_none() {
            self.fail(&format!("the journal has nothing of {outcome:?}"));
        }
    }

    /// Checks that a charge is sent only under its tab's own claim, for this purpose.
    pub fn check_claims(&mut self, sending: &Sending) {
        let (on, keys) = kind_and_keys(&sending.request);
        let purpose = match on {
            On::Charge | On::Batch => Purpose::Send,
            On::LookUp => Purpose::LookUp,
            On::Balance | On::Hold | On::Release | On::Any | On::AnyCharge => return,
        };
        let tab = format!("tab{}", sending.tab);
        for wire in keys {
            // One spelling may stand for two keys.
            let is_it = |key: &Key| {
                let raw = on == On::LookUp && key.as_str() == wire;
                key.wire() == wire || raw
            };
            let records = self.journal.records.values();
            let records: Vec<&Record> = records
                .filter(|record| is_it(&record.charge().key))
                .collect();
            let claimed = records.iter().any(|record| match record.state() {
                State::Attempting(attempting) => {
                    attempting.claim().tab == tab && attempting.purpose() == purpose
                }
                State::Waiting(_) | State::Parked(_) | State::Settled(_) => false,
            });
            if !claimed {
                self.fail(&format!(
                    "{tab} sends {wire}, and the journal has {records:?}"
                ));
            }
        }
    }
}
