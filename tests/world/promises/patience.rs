//! The budget of requests and alerts: it fills with time and with the actions of users and servers.

use std::collections::BTreeMap;

use tollbox::core::clock::parse_http_date;
use tollbox::core::engine::SendId;
use tollbox::core::outcome::{FailureReason, Outcome, What};
use tollbox::core::protocol::Response;

use crate::world::World;
use crate::world::driver::Driver;
use crate::world::server::On;
use crate::world::tab::{Outage, Tab, TabId};
use tollbox::core::config::Config;

/// Requests that a new charge accounts for: its attempts until the delays grow long, each with a
/// probe and two look-ups.
pub const NEW_CHARGE: f64 = 20.0;
/// Requests that any other user action accounts for.
const NUDGE: f64 = 6.0;
/// Requests that each open charge accounts for when something makes all due at once.
const DUE_AGAIN: f64 = 3.0;
const MOST_REQUESTS: f64 = 1_000.0;
const FIRST_REQUESTS: f64 = 60.0;
/// Requests for each longest delay, of each open charge and the balance. The mean delay is half of
/// it. A try is a sending, a probe and two look-ups: the first may come too early to be believed.
const A_DELAY: f64 = 8.0;
/// The same where look-ups that find nothing under one spelling of a key try the other.
const A_DELAY_SPELT_TWICE: f64 = 12.0;
const ALERTS_AN_HOUR: f64 = 240.0;
const FIRST_ALERTS: f64 = 30.0;
const HOUR_MS: f64 = 3_600_000.0;
/// Requests about the hold of one task within [`HOLDS_WITHIN_MS`]: it is started, ends, and is started
/// again by its user, and a token is refused before each request.
const MOST_HOLDS: usize = 10;
const HOLDS_WITHIN_MS: u64 = 10_000;
/// The longest wait that a client grants a server.
const DAY_MS: u64 = 86_400_000;

/// The requests and alerts left.
pub struct Budget {
    requests: f64,
    alerts: f64,
    at_ms: u64,
    /// Whether `getToken` has failed since the last answer.
    no_token: bool,
}

impl Budget {
    pub fn new(at_ms: u64) -> Budget {
        Budget {
            requests: FIRST_REQUESTS,
            alerts: FIRST_ALERTS,
            at_ms,
            no_token: false,
        }
    }
}

impl Tab {
    fn open(&self) -> f64 {
        self.seen_open() as f64
    }

    /// Fills the budget with the time that has passed.
    fn fill(&mut self, mono_ms: u64, config: &Config, spelt_twice: bool) {
        let delay_ms = config.backoff.max_ms;
        let sync_ms = config.sync_every_ms;
        let a_delay = match spelt_twice {
            true => A_DELAY_SPELT_TWICE,
            false => A_DELAY,
        };
        let passed_ms = (mono_ms - self.budget.at_ms) as f64;
        self.budget.at_ms = mono_ms;
        let syncs = if sync_ms > 0 {
            passed_ms / sync_ms as f64
        } else {
            0.0
        };
        let delays = passed_ms / delay_ms as f64 * a_delay * (1.0 + self.open());
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

    /// Grants the alerts of a lost request, which may look like an outage and its end.
    pub fn grant_alerts(&mut self) {
        self.budget.alerts = (self.budget.alerts + 2.0).min(MOST_REQUESTS);
    }

    /// Grants one alert for a failed `getToken`, until an answer shows that it works again.
    pub fn grant_token_alert(&mut self) {
        if !self.budget.no_token {
            self.budget.no_token = true;
            self.budget.alerts = (self.budget.alerts + 1.0).min(MOST_REQUESTS);
        }
    }

    /// Grants one try of this key at its user's insistence, in spite of any hold, and a probe
    /// before it.
    pub fn insists(&mut self, key: &str) {
        self.insists.insert(key.to_owned());
        self.probes_past_hold += 1;
    }
}

impl<D: Driver> World<D> {
    /// Grants requests to every tab.
    pub fn grant(&mut self, requests: f64) {
        for tab in &mut self.tabs {
            tab.grant(requests);
        }
    }

    /// Grants requests for the charges that a new tab takes up.
    pub fn grant_for_new_tab(&mut self) {
        self.grant_all();
        let records = self.journal.records.values();
        let held = records.filter(|record| record.is_held()).count();
        self.grant(NEW_CHARGE * held as f64);
    }

    pub fn grant_all(&mut self) {
        for tab in &mut self.tabs {
            tab.grant(NUDGE + DUE_AGAIN * tab.open());
        }
    }

    /// Grants requests for an answer with `Retry-After`.
    pub fn grant_answer(&mut self, place: usize, response: &Response) {
        let wait_ms = wait_ms(response, self.now.wall_ms);
        if wait_ms.is_none_or(|wait_ms| wait_ms > 0) && response.retry_after.is_some() {
            self.tabs[place].grant(2.0);
        }
    }

    pub fn spend_request(&mut self, place: usize) {
        let spelt_twice = self.driver.spells_keys_twice();
        let tab = &mut self.tabs[place];
        tab.fill(self.now.mono_ms, &self.config, spelt_twice);
        tab.budget.requests -= 1.0;
        if tab.budget.requests < 0.0 {
            let what = format!(
                "tab{} sends more than what is asked of it accounts for",
                tab.id
            );
            self.violate("7 patience", what);
        }
    }

    /// A hold is requested when its task starts, once more with another token, and renewed; and it is
    /// released when the task ends.
    pub fn spend_hold(&mut self, place: usize, keys: &[String]) {
        let now_ms = self.now.mono_ms;
        let tab = &mut self.tabs[place];
        let id = tab.id;
        let since_ms = now_ms.saturating_sub(HOLDS_WITHIN_MS);
        tab.holds_left.retain(|(_, left_ms)| *left_ms > since_ms);
        tab.holds_left
            .extend(keys.iter().map(|key| (key.clone(), now_ms)));
        for key in keys {
            let left = tab.holds_left.iter().filter(|(left, _)| left == key);
            if left.count() > MOST_HOLDS {
                let what = format!("tab{id} requests and releases the hold of {key} too often");
                return self.violate("7 patience", what);
            }
        }
    }

    pub fn spend_alert(&mut self, id: TabId) {
        let Some(place) = self.place(id) else {
            return;
        };
        let spelt_twice = self.driver.spells_keys_twice();
        let tab = &mut self.tabs[place];
        tab.fill(self.now.mono_ms, &self.config, spelt_twice);
        tab.budget.alerts -= 1.0;
        if tab.budget.alerts < 0.0 {
            let what = format!("tab{id} raises more alerts than there is cause for");
            self.violate("7 patience", what);
        }
    }

    /// Notes the `Retry-After` of an answer, as any reader of HTTP would.
    pub fn note_answer(&mut self, place: usize, send: SendId, response: &Response) {
        let mono_ms = self.now.mono_ms;
        self.grant_answer(place, response);
        let tab = &mut self.tabs[place];
        tab.outage = None;
        tab.budget.no_token = false;
        let asked = tab.asks.remove(&send);
        let own_word = response.content_type.as_deref() == Some("application/problem+json");
        let asked = asked.filter(|_| own_word);
        if let Some((On::Charge | On::Batch, keys)) = asked {
            let of_account = response.body.contains("account-");
            let mismatch = response.body.contains("account-mismatch");
            for key in keys {
                match response.status {
                    401 | 429 | 503 => *self.books.put_off.entry(key).or_default() += 1,
                    403 if mismatch => *self.books.put_off.entry(key).or_default() += 1,
                    403 if !of_account => drop(self.books.forbidden.insert(key)),
                    _ => {}
                }
            }
        }
        if matches!(response.status, 429 | 503)
            && (own_word || D::FOREIGN_WAITS)
            && let Some(wait_ms) = wait_ms(response, self.now.wall_ms)
        {
            let most_ms = match own_word {
                true => DAY_MS,
                false => self.config.backoff.max_ms,
            };
            let until_ms = mono_ms + wait_ms.min(most_ms);
            self.books.longest_hold_ms = self.books.longest_hold_ms.max(until_ms);
            let tab = &mut self.tabs[place];
            tab.held_until_ms = tab.held_until_ms.max(until_ms);
        }
    }

    pub fn note_outage(&mut self, place: usize, send: SendId) {
        let since_ms = self.now.mono_ms;
        let first = Outage {
            since_ms,
            probes: 0,
            nudges: 0,
            sends: 0,
            probed: false,
        };
        let tab = &mut self.tabs[place];
        let asked = tab.asks.remove(&send).map(|(on, _)| on);
        if let Some(On::Hold | On::Release) = asked {
            // The charges' own requests show whether there is an outage.
            return;
        }
        let probe = asked == Some(On::Balance);
        let outage = tab.outage.get_or_insert(first);
        outage.probed |= probe;
    }

    /// Checks that attempts are said to be used up only if they had their chance.
    pub fn check_attempts(&mut self, id: TabId, outcome: &Outcome) {
        let What::Failed { reason, .. } = &outcome.what else {
            return;
        };
        let wire = outcome.key.as_str();
        let of = |counts: &BTreeMap<String, u32>| counts.get(wire).copied().unwrap_or(0);
        let (sent, put_off) = (of(&self.books.sent), of(&self.books.put_off));
        let most = self.config.max_total_attempts;
        // A tab that dies or can't write leaves the ends of its attempts open.
        let counts = &self.counts;
        let sound = counts.failed_transactions + counts.crashes == 0;
        let exact = sound && !self.driver.opens_several();
        match reason {
            FailureReason::RetriesExhausted if exact && sent.saturating_sub(put_off) < most => {
                let what = format!(
                    "tab{id} gives {wire} up after {sent} attempts, {put_off} of them put off"
                );
                self.violate("7 patience", what);
            }
            FailureReason::Forbidden if !self.books.forbidden.contains(wire) => {
                let what = format!("tab{id} says that {wire} is forbidden, which nobody has said");
                self.violate("3 the truth", what);
            }
            _ => {}
        }
    }
}

/// The wait that an answer asks for, as any reader of HTTP would understand it.
fn wait_ms(response: &Response, wall_ms: u64) -> Option<u64> {
    let text = response.retry_after.as_deref()?;
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds * 1_000);
    }
    let said_at_ms = response.date.as_deref().and_then(parse_http_date);
    let said_at_ms = said_at_ms.unwrap_or(wall_ms);
    Some(parse_http_date(text)?.saturating_sub(said_at_ms))
}
