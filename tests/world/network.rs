//! Requests between a tab and the server: what leaves, and what the tab hears of it. The way in
//! between is the driver's.

use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use tollbox::core::engine::{Event, SendId, Unsent};
use tollbox::core::protocol::{Request, Response};

use super::driver::Driver;
use super::happening::Happening;
use super::server::ACCOUNT;
use super::tab::TabId;
use super::{START_WALL_MS, World};

/// A request that its tab has ordered.
pub struct Sending {
    pub tab: TabId,
    pub send: SendId,
    pub request: Request,
    pub refresh_token: bool,
    pub token: u64,
    /// The user of its token.
    pub user: &'static str,
    pub limit_at_ms: u64,
}

impl<D: Driver> World<D> {
    pub fn order_send(
        &mut self,
        place: usize,
        send: SendId,
        request: Request,
        refresh_token: bool,
        limit_ms: u64,
    ) {
        self.check_ordered(place, &request);
        if self.sees_sign_out(place) {
            return self.not_sent_after_sign_out(place, send);
        }
        self.check_send(place, send, &request);
        let tab = &mut self.tabs[place];
        tab.waiting.insert(send);
        let sending = Sending {
            tab: tab.id,
            send,
            request,
            refresh_token,
            token: 0,
            user: ACCOUNT,
            limit_at_ms: self.now.mono_ms + limit_ms,
        };
        self.connect(sending);
    }

    pub fn not_sent_after_sign_out(&mut self, place: usize, send: SendId) {
        let tab = &mut self.tabs[place];
        let id = tab.id;
        tab.waiting.insert(send);
        let mark = self.journal.mark;
        let event = Event::SignedOut { mark };
        self.plan(0, Happening::Told { tab: id, event });
        let why = Unsent::SignedOut;
        self.plan(0, Happening::NotSent { tab: id, send, why });
    }

    /// Has the server execute a request, and enters what it charges.
    pub fn execute(&mut self, request: &Request) -> Response {
        let at_ms = self.elapsed_ms();
        let response = self.server.answer(at_ms, request);
        self.enter_charges();
        self.check_strangers();
        response
    }

    /// The server's clock, which is never set.
    pub fn server_date(&self, after_ms: u64) -> String {
        let true_wall_ms = START_WALL_MS + self.elapsed_ms() + after_ms;
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(true_wall_ms))
    }

    pub fn plan_arrival(&mut self, in_ms: u64, sending: &Rc<Sending>, heard: bool) {
        let sending = Rc::clone(sending);
        self.plan(in_ms, Happening::Arrive { sending, heard });
    }

    pub fn plan_answer(&mut self, in_ms: u64, sending: &Sending, response: Response) {
        let (tab, send) = (sending.tab, sending.send);
        let answer = Happening::Answer {
            tab,
            send,
            response,
        };
        self.plan(in_ms, answer);
    }

    pub fn plan_loss(&mut self, in_ms: u64, sending: &Sending, timed_out: bool) {
        let (tab, send) = (sending.tab, sending.send);
        let lost = Happening::Lost {
            tab,
            send,
            timed_out,
        };
        self.plan(in_ms, lost);
    }

    pub fn plan_not_sent(&mut self, in_ms: u64, sending: &Sending, why: Unsent) {
        let (tab, send) = (sending.tab, sending.send);
        self.plan(in_ms, Happening::NotSent { tab, send, why });
    }

    /// Ends the tab's wait for this request; its place if it still waited.
    fn ends_waiting(&mut self, tab: TabId, send: SendId) -> Option<usize> {
        let place = self.place(tab)?;
        self.tabs[place].waiting.remove(&send).then_some(place)
    }

    pub fn deliver_answer(&mut self, tab: TabId, send: SendId, response: Response) {
        if let Some(place) = self.ends_waiting(tab, send) {
            D::heard(self, place, send, &response);
            self.note_answer(place, send, &response);
            self.tell(tab, Event::Answered { send, response });
        }
    }

    pub fn deliver_loss(&mut self, tab: TabId, send: SendId, timed_out: bool) {
        if let Some(place) = self.ends_waiting(tab, send) {
            self.dropped.insert((tab, send));
            if self.driver.may_seem_an_outage(tab, send) {
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
