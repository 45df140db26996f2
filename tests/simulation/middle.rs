//! Middleboxes between client and server: gateways that time out, proxies and service workers that
//! answer for the server, filters that drop requests, caches.

use std::rc::Rc;

use tollbox::core::clock::parse_http_date;
use tollbox::core::engine::SendId;
use tollbox::core::protocol::Response;
use tollbox::core::snapshot::Network;

use super::World;
use super::dice::Dice;
use super::user::Action;
use super::world::START_WALL_MS;
use super::world::Sending;
use super::world::server::{On, kind_and_keys, page, problem, with_retry_after};

/// How long after a gateway's answer the request may reach the server.
const PASSED_ON_MS: u64 = 5_000;

/// A cached answer older than this is recognized by its `Date`, however long the answers took that
/// showed the server's clock.
const OLD_MS: u64 = 16_500;
/// An answer that is heard within this time of its `Date` shows the server's clock.
const PROMPT_MS: u64 = 5_000;

/// Rates in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Middle {
    /// A gateway times out; the server charges all the same, later or before.
    pub gives_up: u64,
    /// A page with a `503` or a `429`, where the server has done its work or was not reached.
    pub foreign_busy: u64,
    /// A page with a `404`, a `405` or a `501` for a batch that was taken.
    pub foreign_no_batches: u64,
    /// The rate of keys whose look-ups never get through.
    pub loses_look_ups: u64,
    /// The rate of keys whose charges never get through.
    pub loses_charges: u64,
    /// The size above which requests are rejected.
    pub limit_bytes: Option<usize>,
}

impl Middle {
    pub fn draw(dice: &mut Dice) -> Middle {
        let mut rate = |most: u64| match dice.chance(350) {
            true => dice.skewed(&[most / 5, most]),
            false => 0,
        };
        Middle {
            gives_up: rate(500),
            foreign_busy: rate(500),
            foreign_no_batches: rate(800),
            loses_look_ups: rate(1_000),
            loses_charges: rate(300),
            limit_bytes: match dice.chance(250) {
                true => Some(dice.pick(&[100, 400, 1_000])),
                false => None,
            },
        }
    }
}

pub fn weights(dice: &mut Dice) -> Vec<(u64, Action)> {
    let actions = [
        Action::CacheBalance,
        Action::RejectSome,
        Action::SwitchAccount,
        Action::KeepBusy,
    ];
    let drawn = actions.map(|action| (dice.between(0, 3) * 4, action));
    drawn.to_vec()
}

impl World {
    /// Whether a middlebox has taken care of this request.
    pub fn in_the_middle(&mut self, sending: &Rc<Sending>, limit_ms: u64) -> bool {
        let middle = self.driver.mix.middle;
        let (on, keys) = kind_and_keys(&sending.request);
        let posts = matches!(on, On::Charge | On::Batch);
        let disliked = |rate: u64| keys.iter().any(|key| is_disliked(key, rate));
        if (on == On::LookUp && disliked(middle.loses_look_ups))
            || (posts && disliked(middle.loses_charges))
        {
            self.note(|| "    a filter blocks it".to_owned());
            let blocked = (sending.tab, sending.send);
            self.driver.backend.filtered.insert(blocked);
            self.plan_loss(1, sending, false);
            return true;
        }
        let bytes = sending.request.body.as_deref().map_or(0, str::len);
        if posts && middle.limit_bytes.is_some_and(|limit| bytes > limit) {
            self.note(|| "    it is too large for a proxy".to_owned());
            self.plan_answer(1, sending, page(413));
            return true;
        }
        if posts && self.driver.dice.chance(middle.gives_up) {
            self.give_up_waiting(sending, limit_ms);
            return true;
        }
        if posts && self.driver.dice.chance(middle.foreign_busy) {
            if self.driver.dice.chance(500) {
                self.plan_arrival(1, sending, false);
            }
            let status = self.driver.dice.pick(&[503, 503, 429]);
            let response = match self.driver.dice.between(0, 2) {
                0 => page(status),
                1 => with_retry_after(page(status), "86400"),
                _ => with_retry_after(page(status), "2"),
            };
            self.plan_answer(5, sending, response);
            return true;
        }
        if on == On::Batch && self.driver.dice.chance(middle.foreign_no_batches) {
            if self.driver.dice.chance(700) {
                self.plan_arrival(1, sending, false);
            }
            if self.driver.dice.chance(300) {
                // The charges of this batch keep it busy.
                self.driver.backend.busy_until_ms = self.now.mono_ms + 3_000;
            }
            let status = self.driver.dice.pick(&[404, 405, 501]);
            self.plan_answer(5, sending, page(status));
            return true;
        }
        false
    }

    /// A gateway answers after a while; the request that it has passed on is charged before or
    /// after.
    fn give_up_waiting(&mut self, sending: &Rc<Sending>, limit_ms: u64) {
        let early_ms = self.driver.dice.between(1, limit_ms.clamp(1, 2_000));
        let status = self.driver.dice.pick(&[408, 502, 504]);
        let response = match self.driver.dice.chance(700) {
            true => problem(status, "upstream"),
            false => page(status),
        };
        let passed_on_ms = PASSED_ON_MS.min(limit_ms / 2).saturating_sub(100);
        let in_ms = self.driver.dice.between(0, early_ms + passed_on_ms);
        if self.driver.dice.chance(700) && in_ms + self.now.mono_ms < sending.limit_at_ms {
            self.plan_arrival(in_ms, sending, false);
        }
        self.plan_answer(early_ms, sending, response);
    }

    /// Whether a cache has answered with its balance.
    pub fn a_cache_tells(&mut self, sending: &Sending) -> bool {
        let (on, _) = kind_and_keys(&sending.request);
        if on != On::Balance || self.now.mono_ms >= self.driver.backend.cached_until_ms {
            return false;
        }
        let Some((told_ms, response)) = self.driver.backend.remembered.clone() else {
            return false;
        };
        self.note(|| "    a cache tells".to_owned());
        let age_ms = self.now.mono_ms - told_ms;
        let cached = &mut self.driver.backend.from_cache;
        cached.insert((sending.tab, sending.send), age_ms);
        self.plan_answer(1, sending, response);
        true
    }

    /// Lets a cache remember the answer, if it is a balance.
    pub fn remember(&mut self, sending: &Sending, response: &Response) {
        let (on, _) = kind_and_keys(&sending.request);
        if on == On::Balance && response.status == 200 {
            self.driver.backend.remembered = Some((self.now.mono_ms, response.clone()));
        }
    }

    /// Notes whether the answer is the server's or a cache's.
    pub fn note_source(&mut self, place: usize, send: SendId, date: Option<&str>) {
        // KnownBalance long after it was given, by a tab that stood still, it tells little of the clock.
        let wall_ms = START_WALL_MS + self.elapsed_ms();
        let given_ms = date.and_then(parse_http_date);
        let prompt = given_ms.is_some_and(|given_ms| given_ms + PROMPT_MS > wall_ms);
        let tab = self.tabs[place].id;
        let age_ms = self.driver.backend.from_cache.remove(&(tab, send));
        let connection = self.driver.connection(tab);
        match age_ms {
            Some(age_ms) => connection.cached_ms = age_ms,
            None => {
                connection.unheard = false;
                connection.has_heard |= prompt;
            }
        }
    }

    /// Checks that a cache's answer which shows its age ends no outage.
    pub fn check_network(&mut self, place: usize, network: Network) {
        let dates = self.driver.mix.dates;
        let tab = &self.tabs[place];
        let before = tab.snapshot.as_ref().map(|before| before.network);
        let restored = (before, network) == (Some(Network::Unreachable), Network::Online);
        let id = tab.id;
        let heard = *self.driver.connection(id);
        if restored && heard.unheard && heard.has_heard && dates && heard.cached_ms > OLD_MS {
            let what = format!("tab{id} believes a cache that the server is back");
            self.violate("3 the truth", what);
        }
    }

    /// The server's rejection of some kinds of requests, or of another user's.
    pub fn rejects_some(&mut self, sending: &Sending) -> Option<Response> {
        let (on, _) = kind_and_keys(&sending.request);
        let rejected = match self.driver.backend.rejected {
            On::AnyCharge => matches!(on, On::Charge | On::Batch),
            other => on == other,
        };
        if rejected && self.now.mono_ms < self.driver.backend.rejects_some_until_ms {
            return Some(problem(401, "unauthorized"));
        }
        if self.now.mono_ms < self.driver.backend.other_until_ms {
            return Some(problem(403, "account-mismatch"));
        }
        if self.now.mono_ms < self.driver.backend.busy_until_ms {
            let seconds = self.driver.dice.between(1, 5).to_string();
            return Some(with_retry_after(problem(503, "busy"), &seconds));
        }
        None
    }
}

/// Whether the filter drops this key, always.
fn is_disliked(key: &str, rate: u64) -> bool {
    let sum = key
        .bytes()
        .fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_009);
    sum * 1_000 / 1_009 < rate
}
