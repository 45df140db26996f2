//! How many requests a minute and alerts an hour are accounted for: a budget that fills with time
//! and with what users and servers do.

use tollbox::core::protocol::Response;

use super::tab::{Tab, TabId};
use super::world::World;

/// Requests that a new charge accounts for: its attempts, and probes and look-ups between them.
pub const NEW_CHARGE: f64 = 10.0;
/// And what else its user does.
const NUDGE: f64 = 6.0;
/// Open charges that something makes due at once account for so many each.
const DUE_AGAIN: f64 = 3.0;
const MOST_REQUESTS: f64 = 1_000.0;
const FIRST_REQUESTS: f64 = 60.0;
/// Each open charge, and the balance, may be asked about as often as the longest delay allows.
const A_DELAY: f64 = 4.0;
const ALERTS_AN_HOUR: f64 = 240.0;
const FIRST_ALERTS: f64 = 30.0;
const HOUR_MS: f64 = 3_600_000.0;

/// What is left.
pub struct Budget {
    requests: f64,
    alerts: f64,
    at_ms: u64,
}

impl Budget {
    pub fn new(at_ms: u64) -> Budget {
        Budget {
            requests: FIRST_REQUESTS,
            alerts: FIRST_ALERTS,
            at_ms,
        }
    }
}

impl Tab {
    fn open(&self) -> f64 {
        self.seen_open() as f64
    }

    /// Fills the budget with the time that has passed.
    fn fill(&mut self, mono_ms: u64, delay_ms: u64, sync_ms: u64) {
        let passed_ms = (mono_ms - self.budget.at_ms) as f64;
        self.budget.at_ms = mono_ms;
        let syncs = if sync_ms > 0 {
            passed_ms / sync_ms as f64
        } else {
            0.0
        };
        let delays = passed_ms / delay_ms as f64 * A_DELAY * (1.0 + self.open());
        let requests = self.budget.requests + delays + 2.0 * syncs;
        self.budget.requests = requests.min(MOST_REQUESTS);
        // A network that loses every other request loses every other probe.
        let losses = passed_ms / delay_ms as f64;
        let alerts = self.budget.alerts + losses + passed_ms / HOUR_MS * ALERTS_AN_HOUR;
        self.budget.alerts = alerts.min(MOST_REQUESTS);
    }

    fn grant(&mut self, requests: f64) {
        self.budget.requests = (self.budget.requests + requests).min(MOST_REQUESTS);
        self.budget.alerts = (self.budget.alerts + 4.0).min(MOST_REQUESTS);
    }

    /// Its user wants this tried once, whatever the hold, and a probe before it.
    pub fn insists(&mut self, wire: &str) {
        self.insists.insert(wire.to_owned());
        self.probes_past_hold += 1;
    }
}

impl World {
    /// Something makes requests of every tab likely.
    pub fn grant(&mut self, requests: f64) {
        for tab in &mut self.tabs {
            tab.grant(requests);
        }
    }

    pub fn grant_all(&mut self) {
        for tab in &mut self.tabs {
            tab.grant(NUDGE + DUE_AGAIN * tab.open());
        }
    }

    /// The server itself says when to come again.
    pub fn grant_answer(&mut self, place: usize, response: &Response) {
        if response.retry_after.is_some() {
            self.tabs[place].grant(2.0);
        }
    }

    pub fn spend_request(&mut self, place: usize) {
        let config = &self.mix.config;
        let (delay_ms, sync_ms) = (config.backoff.max_ms, config.sync_every_ms);
        let mono_ms = self.mono_ms;
        let tab = &mut self.tabs[place];
        tab.fill(mono_ms, delay_ms, sync_ms);
        tab.budget.requests -= 1.0;
        if tab.budget.requests < 0.0 {
            let what = format!(
                "tab{} sends more than what is asked of it accounts for",
                tab.id
            );
            self.violate("7 patience", what);
        }
    }

    pub fn spend_alert(&mut self, id: TabId) {
        let Some(place) = self.place(id) else {
            return;
        };
        let config = &self.mix.config;
        let (delay_ms, sync_ms) = (config.backoff.max_ms, config.sync_every_ms);
        let mono_ms = self.mono_ms;
        let tab = &mut self.tabs[place];
        tab.fill(mono_ms, delay_ms, sync_ms);
        tab.budget.alerts -= 1.0;
        if tab.budget.alerts < 0.0 {
            let what = format!("tab{id} raises more alerts than there is cause for");
            self.violate("7 patience", what);
        }
    }
}
