//! The network between tabs and the server: it loses, delays, doubles and reorders.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tollbox::core::config::Config;
use tollbox::core::engine::{Event, SendId, Unsent};
use tollbox::core::protocol::{Method, Request, Response};

use super::checks::what_is_asked;
use super::class::Class;
use super::happening::Happening;
use super::server::{On, kind_and_keys};
use super::tab::TabId;
use super::trace;
use super::world::World;

/// A request that has left its tab.
pub struct Sending {
    pub tab: TabId,
    pub send: SendId,
    pub request: Request,
    pub token: u64,
    /// The user of its token.
    pub user: &'static str,
    pub limit_at_ms: u64,
}

/// The state of the server and of the network.
#[derive(Default)]
pub struct Backend {
    /// The server refuses connections until then.
    pub down_until_ms: u64,
    /// Nothing comes through until then.
    pub cut_until_ms: u64,
    /// All answers are lost until then.
    pub mute_until_ms: u64,
    /// The oldest token that is accepted.
    pub token: u64,
    /// No token is accepted until then.
    pub refuses_until_ms: u64,
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
    /// The kind of requests that are refused for a while.
    pub refused: On,
    pub refuses_some_until_ms: u64,
    /// Another user is signed in until then.
    pub other_until_ms: u64,
    /// The server asks for patience until then.
    pub busy_until_ms: u64,
    /// Requests on their way.
    pub on_the_way: u64,
}

impl World {
    pub fn send(
        &mut self,
        place: usize,
        send: SendId,
        request: Request,
        refresh_token: bool,
        limit_ms: u64,
    ) {
        if self.sees_sign_out(place) {
            return self.not_sent_after_sign_out(place, send);
        }
        self.check_send(place, send, &request);
        if self.mix.freeze > 0 && self.dice.chance(self.mix.freeze) {
            // The user asks for something, and switches to another page at once.
            self.freeze(place);
        }
        let tab = &mut self.tabs[place];
        let id = tab.id;
        tab.waiting.insert(send);
        if self.dice.chance(self.mix.no_token) {
            let in_ms = self.dice.between(0, 20);
            let why = Unsent::TokenFailed;
            return self.plan(in_ms, Happening::NotSent { tab: id, send, why });
        }
        if refresh_token {
            tab.token = self.backend.token;
        }
        let timed_out = Happening::Lost {
            tab: id,
            send,
            timed_out: true,
        };
        self.plan(limit_ms, timed_out);
        let limit_at_ms = self.mono_ms + limit_ms;
        if self.mix.slow_token > 0 && self.dice.chance(self.mix.slow_token) {
            let in_ms = self.dice.between(0, limit_ms);
            let depart = Happening::Depart {
                tab: id,
                send,
                request,
                limit_at_ms,
            };
            return self.plan(in_ms, depart);
        }
        self.depart(id, send, request, limit_at_ms);
    }

    /// Sends the request once its token is there; only the server checks whose token it is by now.
    pub fn depart(&mut self, tab: TabId, send: SendId, request: Request, limit_at_ms: u64) {
        let Some(place) = self.place(tab) else {
            return;
        };
        if !self.tabs[place].waiting.contains(&send) {
            return;
        }
        if self.sees_sign_out(place) {
            return self.not_sent_after_sign_out(place, send);
        }
        if self.mono_ms >= limit_at_ms {
            // The page stood still while it waited for its token.
            let why = Unsent::Late;
            return self.plan(0, Happening::NotSent { tab, send, why });
        }
        self.check_departs(place, &request);
        let user = self.user_name;
        let of_another = self.tabs[place].token_of != user;
        if of_another {
            self.tabs[place].token = self.backend.token;
            self.tabs[place].token_of = user;
        }
        self.counts.requests += 1;
        let lost = |timed_out| Happening::Lost {
            tab,
            send,
            timed_out,
        };
        let sending = Rc::new(Sending {
            tab,
            send,
            request,
            token: self.tabs[place].token,
            user,
            limit_at_ms,
        });
        if self.a_cache_tells(&sending) {
            return;
        }
        let limit_ms = limit_at_ms.saturating_sub(self.mono_ms);
        if self.mono_ms < self.backend.cut_until_ms {
            let in_ms = self.dice.between(0, 50);
            return self.plan(in_ms, lost(false));
        }
        if self.in_the_middle(&sending, limit_ms) {
            return;
        }
        let transit_ms = self.transit_ms(limit_ms);
        if self.dice.chance(self.mix.lose_request) {
            self.plan(transit_ms, lost(false));
        } else if self.dice.chance(self.mix.hang) {
            self.note(|| "    it hangs".to_owned());
        } else if self.dice.chance(self.mix.late) {
            let late_ms = self.lateness_ms(limit_ms);
            let in_ms = self.dice.between(0, limit_ms + late_ms);
            self.plan_arrival(in_ms, &sending, true);
        } else if self.dice.chance(self.mix.late_loss) {
            self.send_after_loss(&sending, limit_ms);
        } else if sending.request.method == Method::Post && self.dice.chance(self.mix.twice) {
            // The browser finds the reused connection closed, and sends the POST once more.
            let again_ms = transit_ms + self.dice.between(1, 200);
            let (_, keys) = what_is_asked(&sending.request);
            self.books.doubled.extend(keys);
            self.plan_arrival(transit_ms, &sending, false);
            self.plan_arrival(again_ms, &sending, true);
        } else {
            self.plan_arrival(transit_ms, &sending, true);
        }
    }

    fn not_sent_after_sign_out(&mut self, place: usize, send: SendId) {
        let tab = &mut self.tabs[place];
        let id = tab.id;
        tab.waiting.insert(send);
        let mark = self.journal.mark;
        let event = Event::SignedOut { mark };
        self.plan(0, Happening::Told { tab: id, event });
        let why = Unsent::SignedOut;
        self.plan(0, Happening::NotSent { tab: id, send, why });
    }

    /// Tells the client of a broken connection before the request arrives.
    fn send_after_loss(&mut self, sending: &Rc<Sending>, limit_ms: u64) {
        let early_ms = self.dice.between(0, limit_ms);
        let config = Config {
            request_timeout_ms: limit_ms,
            ..Config::default()
        };
        let late_ms = config.arrives_after_loss_ms().min(self.mix.late_ms);
        let in_ms = early_ms + self.dice.between(0, late_ms);
        let (tab, send) = (sending.tab, sending.send);
        let timed_out = false;
        self.plan(
            early_ms,
            Happening::Lost {
                tab,
                send,
                timed_out,
            },
        );
        self.plan_arrival(in_ms, sending, false);
    }

    /// How long after its time limit a request may still arrive, in proportion to the limit.
    fn lateness_ms(&self, limit_ms: u64) -> u64 {
        self.mix.late_ms * limit_ms / Config::default().request_timeout_ms
    }

    pub fn plan_arrival(&mut self, in_ms: u64, sending: &Rc<Sending>, heard: bool) {
        self.backend.on_the_way += 1;
        let sending = Rc::clone(sending);
        self.plan(in_ms, Happening::Arrive { sending, heard });
    }

    fn transit_ms(&mut self, limit_ms: u64) -> u64 {
        match self.dice.chance(self.mix.slow) {
            true => self.dice.between(0, limit_ms),
            false => self.dice.skewed(&[5, 50, 300]),
        }
    }

    pub fn arrive(&mut self, sending: &Sending, heard: bool) {
        self.backend.on_the_way -= 1;
        let (tab, send) = (sending.tab, sending.send);
        let given_up = self.given_up.contains(&(tab, send));
        let late = given_up || self.mono_ms >= sending.limit_at_ms;
        let comes_late = match self.mono_ms >= sending.limit_at_ms {
            true => self.mix.classes.has(Class::Late),
            false => self.mix.classes.has(Class::LateLoss),
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
        if self.mono_ms < self.backend.down_until_ms || self.mono_ms < self.backend.cut_until_ms {
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
        let mute = self.mono_ms < self.backend.mute_until_ms;
        if mute || self.dice.chance(self.mix.lose_answer) {
            return self.lose(sending, heard);
        }
        let limit_ms = self.mix.config.request_timeout_ms;
        let in_ms = self.transit_ms(limit_ms);
        if heard && self.mono_ms + in_ms < sending.limit_at_ms {
            self.plan(
                in_ms,
                Happening::Answer {
                    tab,
                    send,
                    response,
                },
            );
        }
    }

    fn lose(&mut self, sending: &Sending, heard: bool) {
        self.note(|| "    the answer is LOST".to_owned());
        if heard {
            let in_ms = self.dice.between(0, 20);
            let (tab, send) = (sending.tab, sending.send);
            let timed_out = false;
            self.plan(
                in_ms,
                Happening::Lost {
                    tab,
                    send,
                    timed_out,
                },
            );
        }
    }

    /// Ends the tab's wait for this request; its place if it still waited.
    fn ends_waiting(&mut self, tab: TabId, send: SendId) -> Option<usize> {
        let place = self.place(tab)?;
        self.tabs[place].waiting.remove(&send).then_some(place)
    }

    pub fn deliver_answer(&mut self, tab: TabId, send: SendId, response: Response) {
        if let Some(place) = self.ends_waiting(tab, send) {
            self.note_source(place, send, response.date.as_deref());
            self.note_answer(place, send, &response);
            self.tell(tab, Event::Answered { send, response });
        }
    }

    pub fn deliver_loss(&mut self, tab: TabId, send: SendId, timed_out: bool) {
        if let Some(place) = self.ends_waiting(tab, send) {
            self.given_up.insert((tab, send));
            self.tabs[place].unheard = true;
            if !self.backend.filtered.remove(&(tab, send)) {
                self.tabs[place].grant_alerts();
            }
            self.note_outage(place, send);
            self.tell(tab, Event::Lost { send, timed_out });
        }
    }

    pub fn deliver_not_sent(&mut self, tab: TabId, send: SendId, why: Unsent) {
        if let Some(place) = self.ends_waiting(tab, send) {
            if why == Unsent::TokenFailed {
                self.tabs[place].grant_token_alert();
            }
            self.tell(tab, Event::NotSent { send, why });
        }
    }
}
