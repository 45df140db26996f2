use std::time::{Duration, UNIX_EPOCH};

use tollbox::core::protocol::{Request, Response};

use super::fleet::START_WALL_MS;
use super::outage::Outage;
use super::scenario::Scenario;
use super::server::{Server, problem, with_retry_after};

/// Longest wait for a decision that the server lets a request have.
const DECIDES_WITHIN_MS: u64 = 5_000;
/// What a busy server asks for, in seconds.
const RETRY_AFTER_S: &str = "30";

/// The server of all clients: the real ledger behind a queue.
pub struct Backend {
    server: Server,
    capacity: Option<u64>,
    /// When the last request of the queue is decided, in microseconds.
    busy_until_us: u64,
}

impl Backend {
    pub fn new(capacity: Option<u64>) -> Backend {
        Backend {
            server: Server::new(1_000, None),
            capacity,
            busy_until_us: 0,
        }
    }

    /// When a request that arrives now is decided; `None` if that is too late.
    pub fn enqueue(&mut self, now_ms: u64) -> Option<u64> {
        let Some(capacity) = self.capacity else {
            return Some(now_ms);
        };
        let begins_us = self.busy_until_us.max(now_ms * 1_000);
        if begins_us > (now_ms + DECIDES_WITHIN_MS) * 1_000 {
            return None;
        }
        self.busy_until_us = begins_us + 1_000_000 / capacity;
        Some(self.busy_until_us.div_ceil(1_000))
    }

    /// Decides a request.
    pub fn answer(&mut self, now_ms: u64, account: &str, request: &Request) -> Response {
        self.server.signed_in = account.to_owned();
        dated(self.server.answer(now_ms, request), now_ms)
    }

    /// Refuses a request for which there is no time.
    pub fn refuse(now_ms: u64) -> Response {
        let response = with_retry_after(problem(503, "busy"), RETRY_AFTER_S);
        dated(response, now_ms)
    }

    /// The answer during an outage in which there is one.
    pub fn away(outage: Outage, now_ms: u64) -> Option<Response> {
        let ends_ms = Scenario::OPENED_MS + Scenario::OUTAGE_MS;
        let retry_after = match outage {
            Outage::Refused | Outage::Silent | Outage::Offline => return None,
            Outage::Busy => RETRY_AFTER_S.to_owned(),
            Outage::BusyUntil => date(ends_ms),
        };
        let response = with_retry_after(problem(503, "maintenance"), &retry_after);
        Some(dated(response, now_ms))
    }
}

fn dated(response: Response, now_ms: u64) -> Response {
    Response {
        date: Some(date(now_ms)),
        ..response
    }
}

fn date(at_ms: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(START_WALL_MS + at_ms))
}
