//! Requests: checks that what leaves is in the journal, and may leave now.

use serde_json::Value;
use tollbox::core::engine::SendId;
use tollbox::core::percent::percent_decode;
use tollbox::core::protocol::Request;

use super::books::usual_key;
use crate::world::World;
use crate::world::driver::Driver;
use crate::world::server::{On, kind_and_keys};
use crate::world::sign_out::NEXT_USER;
use crate::world::tab::Life;

/// The connections that a tab's requests about holds may take.
const MOST_FOR_HOLDS: usize = 2;

impl<D: Driver> World<D> {
    /// Checks that a request which leaves is in the journal, and may leave now.
    pub fn check_send(&mut self, place: usize, send: SendId, request: &Request) {
        let (on, keys) = what_is_asked(request);
        // A look-up goes on under its number with the other spelling of its key.
        if send > self.tabs[place].last_send {
            self.tabs[place].last_send = send;
            match on {
                On::Hold | On::Release => self.spend_hold(place, &keys),
                _ => self.spend_request(place),
            }
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
        // What is held for running work is in no journal.
        if matches!(on, On::Hold | On::Release) {
            return self.check_connections(place);
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

    /// Checks that requests about holds don't keep others from the wire.
    fn check_connections(&mut self, place: usize) {
        let tab = &self.tabs[place];
        let asked = tab.asks.iter().filter(|(send, (on, _))| {
            tab.waiting.contains(send) && matches!(on, On::Hold | On::Release)
        });
        let (id, before) = (tab.id, asked.count());
        if before >= MOST_FOR_HOLDS {
            let what =
                format!("tab{id} has {before} requests about holds under way, and sends one more");
            self.violate("7 patience", what);
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
}

/// The things to be paid that a request is about: by the key that the client makes for each,
/// whatever key it is sent under, and however that is spelt.
pub fn what_is_asked(request: &Request) -> (On, Vec<String>) {
    let (on, keys) = kind_and_keys(request);
    let body = request.body.as_deref().filter(|_| on != On::Hold);
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
