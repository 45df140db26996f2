//! The way of a request to the server and of its answer back: quick, but for the script's faults.

use std::rc::Rc;

use tollbox::core::engine::Unsent;
use tollbox::core::protocol::{Request, Response};

use super::{Happening, Own, World};
use crate::world::Sending;
use crate::world::server::Fault;

impl World {
    /// The server's own answer.
    pub fn serve(&mut self, request: &Request) -> Response {
        let response = self.execute(request);
        let date = self.driver.dated.then(|| self.server_date(0));
        Response { date, ..response }
    }

    pub fn leave(&mut self, sending: Sending) {
        if let Some(place) = self.place(sending.tab) {
            self.check_departs(place, &sending.request);
        }
        self.plan_arrival(10, &Rc::new(sending), true);
    }

    pub fn arrive(&mut self, sending: &Sending) {
        let (request, refresh_token) = (&sending.request, sending.refresh_token);
        let fault = self.server.arrive(request, refresh_token);
        self.note(|| {
            let (method, path, tab) = (request.method, &request.path, sending.tab);
            let fault = trace_of(&fault);
            format!("server: {method:?} {path} of tab{tab}, refresh {refresh_token}: {fault}")
        });
        self.books.serving = Some(sending.tab);
        self.meet(sending, fault);
        self.books.serving = None;
    }

    fn meet(&mut self, sending: &Sending, fault: Fault) {
        let request = &sending.request;
        let lost = |world: &mut World| world.plan_loss(10, sending, false);
        let late = |world: &mut World, in_ms: u64| {
            let request = request.clone();
            world.plan(in_ms, Happening::Own(Own::Do { request }));
        };
        let limit_ms = sending.limit_at_ms.saturating_sub(self.now.mono_ms);
        match fault {
            Fault::None => {
                let response = self.serve(request);
                self.answer_in(10, sending, response);
            }
            Fault::LoseRequest => lost(self),
            Fault::LoseAnswer => {
                self.execute(request);
                lost(self);
            }
            Fault::Hang => self.plan_loss(limit_ms, sending, true),
            Fault::HangAfter => {
                self.execute(request);
                self.plan_loss(limit_ms, sending, true);
            }
            Fault::HangThenDone(in_ms) => {
                late(self, in_ms);
                self.plan_loss(limit_ms, sending, true);
            }
            Fault::LostThenDone(in_ms) => {
                late(self, in_ms);
                lost(self);
            }
            Fault::Answer(response) => self.answer_in(10, sending, response),
            Fault::AnswerAfter(response) => {
                self.execute(request);
                self.answer_in(10, sending, response);
            }
            Fault::AnswerThenDone(response, in_ms) => {
                late(self, in_ms);
                self.answer_in(10, sending, response);
            }
            Fault::Late(in_ms) => {
                let response = self.serve(request);
                self.answer_in(in_ms, sending, response);
            }
            Fault::NoToken => self.plan_not_sent(0, sending, Unsent::TokenFailed),
            Fault::StoodStill => self.plan_not_sent(0, sending, Unsent::Late),
        }
    }

    /// Answers, if the client still waits by then.
    fn answer_in(&mut self, in_ms: u64, sending: &Sending, response: Response) {
        let limit_ms = sending.limit_at_ms.saturating_sub(self.now.mono_ms);
        match in_ms > limit_ms {
            true => self.plan_loss(limit_ms, sending, true),
            false => self.plan_answer(in_ms, sending, response),
        }
    }
}

fn trace_of(fault: &Fault) -> String {
    format!("{fault:?}").chars().take(300).collect()
}
