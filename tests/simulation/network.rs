//! The network between tabs and the server: it loses, delays, doubles and reorders.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tollbox::core::config::Config;
use tollbox::core::engine::{SendId, Unsent};
use tollbox::core::protocol::{Method, Response};

use super::World;
use super::class::Class;
use super::world::promises::requests::what_is_asked;
use super::world::server::{On, kind_and_keys};
use super::world::{Happening, Sending, TabId, trace};

/// The state of the server and of the network.
#[derive(Default)]
pub struct Backend {
    /// The server rejects connections until then.
    pub down_until_ms: u64,
    /// Nothing comes through until then.
    pub cut_until_ms: u64,
    /// All answers are lost until then.
    pub mute_until_ms: u64,
    /// The oldest token that is accepted.
    pub token: u64,
    /// No token is accepted until then.
    pub rejects_until_ms: u64,
    /// The account is blocked: every charge is declined until then.
    pub blocked_until_ms: u64,
    /// A cache answers balance requests until then.
    pub cached_until_ms: u64,
    /// The last balance that the server told, and when.
    pub remembered: Option<(u64, Response)>,
    /// Requests answered by a cache.
    pub from_cache: BTreeMap<(TabId, SendId), u64>,
    /// Requests that a filter has blocked.
    pub filtered: BTreeSet<(TabId, SendId)>,
    /// The kind of requests that are rejected for a while.
    pub rejected: On,
    pub rejects_some_until_ms: u64,
    /// Another user is signed in until then.
    pub other_until_ms: u64,
    /// The server asks for patience until then.
    pub busy_until_ms: u64,
}

impl World {
    /// Sends the request, unless there is no token for it.
    pub fn send(&mut self, sending: Sending) {
        let Some(place) = self.place(sending.tab) else {
            return;
        };
        if self.driver.mix.freeze > 0 && self.driver.dice.chance(self.driver.mix.freeze) {
            // The user asks for something, and switches to another page at once.
            self.freeze(place);
        }
        if self.driver.dice.chance(self.driver.mix.no_token) {
            let in_ms = self.driver.dice.between(0, 20);
            return self.plan_not_sent(in_ms, &sending, Unsent::TokenFailed);
        }
        if sending.refresh_token {
            let newest = self.driver.backend.token;
            self.driver.connection(sending.tab).token = newest;
        }
        let limit_ms = sending.limit_at_ms - self.now.mono_ms;
        self.plan_loss(limit_ms, &sending, true);
        if self.driver.mix.slow_token > 0 && self.driver.dice.chance(self.driver.mix.slow_token) {
            let in_ms = self.driver.dice.between(0, limit_ms);
            return self.plan(in_ms, Happening::Depart { sending });
        }
        self.depart(sending);
    }

    /// Sends the request once its token is there; only the server checks whose token it is by now.
    pub fn depart(&mut self, mut sending: Sending) {
        let (tab, send) = (sending.tab, sending.send);
        let Some(place) = self.place(tab) else {
            return;
        };
        if !self.tabs[place].waiting.contains(&send) {
            return;
        }
        if self.sees_sign_out(place) {
            return self.not_sent_after_sign_out(place, send);
        }
        if self.now.mono_ms >= sending.limit_at_ms {
            // The page stood still while it waited for its token.
            return self.plan_not_sent(0, &sending, Unsent::Late);
        }
        self.check_departs(place, &sending.request);
        let (user, newest) = (self.driver.user_name, self.driver.backend.token);
        let connection = self.driver.connection(tab);
        connection.sign_in(user, newest);
        (sending.token, sending.user) = (connection.token, user);
        self.counts.requests += 1;
        let limit_ms = sending.limit_at_ms - self.now.mono_ms;
        let sending = Rc::new(sending);
        if self.a_cache_tells(&sending) {
            return;
        }
        if self.now.mono_ms < self.driver.backend.cut_until_ms {
            let in_ms = self.driver.dice.between(0, 50);
            return self.plan_loss(in_ms, &sending, false);
        }
        if self.in_the_middle(&sending, limit_ms) {
            return;
        }
        let transit_ms = self.transit_ms(limit_ms);
        if self.driver.dice.chance(self.driver.mix.lose_request) {
            self.plan_loss(transit_ms, &sending, false);
        } else if self.driver.dice.chance(self.driver.mix.hang) {
            self.note(|| "    it hangs".to_owned());
        } else if self.driver.dice.chance(self.driver.mix.late) {
            let late_ms = self.lateness_ms(limit_ms);
            let in_ms = self.driver.dice.between(0, limit_ms + late_ms);
            self.plan_arrival(in_ms, &sending, true);
        } else if self.driver.dice.chance(self.driver.mix.late_loss) {
            self.send_after_loss(&sending, limit_ms);
        } else if sending.request.method == Method::Post
            && self.driver.dice.chance(self.driver.mix.twice)
        {
            // The browser finds the reused connection closed, and sends the POST once more.
            let again_ms = transit_ms + self.driver.dice.between(1, 200);
            let (_, keys) = what_is_asked(&sending.request);
            self.books.doubled.extend(keys);
            self.plan_arrival(transit_ms, &sending, false);
            self.plan_arrival(again_ms, &sending, true);
        } else {
            self.plan_arrival(transit_ms, &sending, true);
        }
    }

    /// Tells the client of a broken connection before the request arrives.
    fn send_after_loss(&mut self, sending: &Rc<Sending>, limit_ms: u64) {
        let early_ms = self.driver.dice.between(0, limit_ms);
        let config = Config {
            request_timeout_ms: limit_ms,
            ..Config::default()
        };
        let late_ms = config.arrives_after_loss_ms().min(self.driver.mix.late_ms);
        let in_ms = early_ms + self.driver.dice.between(0, late_ms);
        self.plan_loss(early_ms, sending, false);
        self.plan_arrival(in_ms, sending, false);
    }

    /// How long after its time limit a request may still arrive, in proportion to the limit.
    fn lateness_ms(&self, limit_ms: u64) -> u64 {
        self.driver.mix.late_ms * limit_ms / Config::default().request_timeout_ms
    }

    fn transit_ms(&mut self, limit_ms: u64) -> u64 {
        match self.driver.dice.chance(self.driver.mix.slow) {
            true => self.driver.dice.between(0, limit_ms),
            false => self.driver.dice.skewed(&[5, 50, 300]),
        }
    }

    pub fn arrive(&mut self, sending: &Sending, heard: bool) {
        let (tab, send) = (sending.tab, sending.send);
        let dropped = self.dropped.contains(&(tab, send));
        let late = dropped || self.now.mono_ms >= sending.limit_at_ms;
        let comes_late = match self.now.mono_ms >= sending.limit_at_ms {
            true => self.driver.mix.classes.has(Class::Late),
            false => self.driver.mix.classes.has(Class::LateLoss),
        };
        let (method, path) = (sending.request.method, &sending.request.path);
        self.note(|| {
            let (_, keys) = kind_and_keys(&sending.request);
            let late = if late { ", LATE" } else { "" };
            format!("server: {method:?} {path} {keys:?} of tab{tab}{late}")
        });
        if late && !comes_late {
            return self.note(|| "    but its client waits no longer: dropped".to_owned());
        }
        self.counts.arrivals += 1;
        self.counts.late_arrivals += u64::from(late);
        if self.now.mono_ms < self.driver.backend.down_until_ms
            || self.now.mono_ms < self.driver.backend.cut_until_ms
        {
            self.note(|| "    but there is no server".to_owned());
            return self.lose(sending, heard);
        }
        self.books.serving = Some(tab);
        let response = self.serve(sending);
        self.books.serving = None;
        let Some(response) = response else {
            return self.lose(sending, heard);
        };
        self.remember(sending, &response);
        self.note(|| format!("    answers {}", trace::response(&response)));
        let mute = self.now.mono_ms < self.driver.backend.mute_until_ms;
        if mute || self.driver.dice.chance(self.driver.mix.lose_answer) {
            return self.lose(sending, heard);
        }
        let limit_ms = self.config.request_timeout_ms;
        let in_ms = self.transit_ms(limit_ms);
        if heard && self.now.mono_ms + in_ms < sending.limit_at_ms {
            self.plan_answer(in_ms, sending, response);
        }
    }

    fn lose(&mut self, sending: &Sending, heard: bool) {
        self.note(|| "    the answer is LOST".to_owned());
        if heard {
            let in_ms = self.driver.dice.between(0, 20);
            self.plan_loss(in_ms, sending, false);
        }
    }
}
