//! The server: the real ledger, and all the ways in which its answers can go wrong.

use serde_json::{Value, json};
use tollbox::core::protocol::{Request, Response};

use super::World;
use super::world::Sending;
use super::world::promises::requests::what_is_asked;
use super::world::server::{On, kind_and_keys, page, problem, with_retry_after};

impl World {
    /// The answer; `None` if the server dies before it.
    pub fn serve(&mut self, sending: &Sending) -> Option<Response> {
        let request = &sending.request;
        self.server.signed_in = sending.user.to_owned();
        let (on, keys) = what_is_asked(request);
        let rejects = self.now.mono_ms < self.driver.backend.rejects_until_ms;
        if rejects || sending.token < self.driver.backend.token {
            return Some(problem(401, "unauthorized"));
        }
        if let Some(rejection) = self.rejects_some(sending) {
            return Some(rejection);
        }
        if on == On::Batch && self.driver.mix.no_batches {
            let rejections = [problem(404, "not-found"), page(405), page(501)];
            let at = self.driver.dice.index(rejections.len());
            return rejections.into_iter().nth(at);
        }
        // The server checks the account before the key, so a repeated charge is rejected as well;
        // but for doubled requests no client could tell.
        let doubled = keys.iter().any(|key| self.books.doubled.contains(key));
        if self.now.mono_ms < self.driver.backend.blocked_until_ms && on == On::Charge && !doubled {
            let mut response = problem(403, "account-blocked");
            response.body = json!({"type": "account-blocked", "declined": true}).to_string();
            return Some(response);
        }
        if !self.driver.dice.chance(self.driver.mix.bad_answer) {
            return Some(self.really_serve(request));
        }
        match self.driver.dice.between(0, 9) {
            0..=3 => Some(self.answer_instead(on)),
            4..=6 => {
                self.really_serve(request);
                Some(self.answer_after(request))
            }
            7 => {
                self.serve_a_part(request);
                None
            }
            _ => {
                let genuine = self.really_serve(request);
                Some(self.spoilt(on, genuine))
            }
        }
    }

    pub fn really_serve(&mut self, request: &Request) -> Response {
        let response = self.execute(request);
        let date = self.driver.mix.dates.then(|| self.server_date(0));
        Response { date, ..response }
    }

    /// An answer instead of the work: nothing is done.
    fn answer_instead(&mut self, on: On) -> Response {
        let response = match self.driver.dice.between(0, 9) {
            0 | 1 => problem(503, "unavailable"),
            2 => page(503),
            3 => problem(429, "too-many-requests"),
            4 => page(429),
            5 => problem(500, "broken"),
            6 if on == On::Charge => problem(409, "request-in-progress"),
            6 => page(404),
            7 => page(200),
            8 => page(403),
            _ => page(502),
        };
        if !matches!(response.status, 429 | 503) {
            return response;
        }
        match self.driver.dice.between(0, 3) {
            0 => response,
            1 => with_retry_after(response, "soon"),
            2 if self.driver.mix.dates => {
                let in_ms = self.driver.dice.skewed(&[0, 1_000, 120_000]);
                let response = with_retry_after(response, &self.server_date(in_ms));
                Response {
                    date: Some(self.server_date(0)),
                    ..response
                }
            }
            _ => {
                // Now and then no wait at all.
                let seconds = self.driver.dice.skewed(&[0, 2, 10, 120]);
                with_retry_after(response, &seconds.to_string())
            }
        }
    }

    /// A failure answered after the work is done.
    fn answer_after(&mut self, request: &Request) -> Response {
        match self.driver.dice.between(0, 6) {
            0 => problem(500, "broken"),
            1 => page(500),
            2 => page(502),
            3 => problem(504, "upstream"),
            4 => page(200),
            // A proxy's own page.
            5 => page(if self.now.mono_ms.is_multiple_of(2) {
                403
            } else {
                408
            }),
            _ => self.another_charges_answer(request),
        }
    }

    /// The answer to another charge.
    fn another_charges_answer(&mut self, request: &Request) -> Response {
        let (on, _) = kind_and_keys(request);
        let balance = self.server.balance();
        let body = json!({
            "charge_id": "c1", "idempotency_key": "f:another", "amount": 1,
            "charged_at": "2026-01-01T00:00:00Z", "balance": balance, "version": 1,
            "results": [{"idempotency_key": "f:another", "status": "charged", "charge_id": "c1",
                "amount": 1, "charged_at": "2026-01-01T00:00:00Z", "replayed": false}],
        });
        // A charge's answer could pass for a balance's.
        match on {
            On::Balance | On::Release => page(200),
            _ => super::world::server::json_answer(200, body),
        }
    }

    /// The server dies after some charges of a batch, or right away.
    fn serve_a_part(&mut self, request: &Request) {
        let Some(mut body) = batch_body(request) else {
            return;
        };
        if let Some(charges) = body["charges"].as_array_mut() {
            let kept = self.driver.dice.between(0, charges.len() as u64) as usize;
            charges.truncate(kept);
            if kept == 0 {
                return;
            }
        }
        let body = Some(body.to_string());
        self.really_serve(&Request {
            body,
            ..request.clone()
        });
    }

    /// A genuine answer, cut off or wrong in a part.
    fn spoilt(&mut self, on: On, genuine: Response) -> Response {
        let parsed = serde_json::from_str::<Value>(&genuine.body).ok();
        let Some(mut body) = parsed.filter(|_| genuine.status < 300) else {
            return genuine;
        };
        match (on, body["results"].as_array_mut()) {
            (On::Batch, Some(results)) => {
                let at = self.driver.dice.index(results.len());
                match self.driver.dice.between(0, 4) {
                    0 => drop(results.remove(at)),
                    1 => results[at]["idempotency_key"] = json!("f:another"),
                    2 => results[at]["amount"] = json!(999_999),
                    3 => results.push(results[at].clone()),
                    _ => results.reverse(),
                }
            }
            (On::Charge | On::LookUp, _) if self.driver.dice.chance(500) => {
                body["amount"] = json!(999_999);
            }
            (On::Charge | On::LookUp, _) => body["idempotency_key"] = json!("f:another"),
            _ => {
                let half = genuine.body.len() / 2;
                let body = genuine.body[..half].to_owned();
                return Response { body, ..genuine };
            }
        }
        let body = body.to_string();
        Response { body, ..genuine }
    }
}

fn batch_body(request: &Request) -> Option<Value> {
    let body = request.body.as_deref()?;
    let body: Value = serde_json::from_str(body).ok()?;
    body["charges"].is_array().then_some(body)
}
