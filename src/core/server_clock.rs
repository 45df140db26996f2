//! Evidence that the server is alive: an answer may come from a cache or a service worker instead.

use super::clock::{Now, parse_http_date};
use super::protocol::Response;

/// Tolerance, in milliseconds, for a `Date` behind the server's clock as seen before: it has whole
/// seconds, and servers behind one address don't agree exactly.
const SLACK_MS: i128 = 5_000;

/// Resolution of a `Date`, in milliseconds: one that is repeated after that is a copy.
const SECOND_MS: u64 = 1_000;

/// The evidence in an answer to a `GET` that the server is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It was generated after the request.
    Certain,
    /// It may be old.
    Possible,
    /// It is old.
    Cached,
}

/// How far the server's clock is ahead of this tab's monotonic clock, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    least: i128,
    most: i128,
}

impl Ahead {
    /// The estimate from one answer to a request that left at `left_ms`. A tab that stood still
    /// hears an answer long after it was given, and learns little from it.
    fn seen(date_ms: u64, left_ms: u64, now: Now) -> Ahead {
        Ahead {
            least: ahead_ms(date_ms, now.mono_ms),
            most: ahead_ms(date_ms.saturating_add(SECOND_MS), left_ms),
        }
    }
}

/// The server's clock, estimated from the `Date` of its answers.
#[derive(Clone, Debug, Default)]
pub struct ServerClock {
    ahead: Option<Ahead>,
    /// The last `Date` of an answer to a `GET`, and its time of arrival; monotonic.
    last: Option<(u64, u64)>,
}

impl ServerClock {
    /// Learns from the `Date` of an answer to a `POST` that left at `left_ms`, which never comes
    /// from a cache: if it can't be as old as it seems, the server's clock was set back.
    pub fn learn_from(&mut self, response: &Response, left_ms: u64, now: Now) {
        let Some(date_ms) = date_ms(response) else {
            return;
        };
        let seen = Ahead::seen(date_ms, left_ms, now);
        let known = self.ahead.filter(|known| known.least <= seen.most);
        self.ahead = Some(known.map_or(seen, |known| Ahead {
            least: known.least.max(seen.least),
            most: known.most.min(seen.most).max(seen.least),
        }));
    }

    /// The evidence in the answer to a `GET` that left at `left_ms`.
    pub fn judge(&mut self, response: &Response, left_ms: u64, now: Now) -> Sign {
        let aged = response.age.as_deref().map(str::trim);
        if aged.is_some_and(|age| age.parse::<u64>().is_ok_and(|age| age > 0)) {
            return Sign::Cached;
        }
        let Some(date_ms) = date_ms(response) else {
            return Sign::Possible;
        };
        let repeated = self.last.filter(|(last_ms, _)| *last_ms == date_ms);
        let is_before = |ahead: fn(&Ahead) -> i128| {
            self.ahead.is_some_and(|known| {
                let left_at_ms = ahead(&known).saturating_add(i128::from(left_ms));
                i128::from(date_ms).saturating_add(SLACK_MS) < left_at_ms
            })
        };
        let sign = match repeated {
            _ if is_before(|known| known.least) => Sign::Cached,
            Some((_, came_ms)) if left_ms > came_ms.saturating_add(SECOND_MS) => Sign::Cached,
            Some(_) => Sign::Possible,
            None if self.ahead.is_none() || is_before(|known| known.most) => Sign::Possible,
            None => Sign::Certain,
        };
        // The latest that was seen: an answer that is behind it may be a copy.
        let seen = Ahead::seen(date_ms, left_ms, now);
        self.ahead = Some(match self.ahead {
            Some(known) if known.least >= seen.least => known,
            Some(_) | None => seen,
        });
        if repeated.is_none() {
            self.last = Some((date_ms, now.mono_ms));
        }
        sign
    }
}

fn date_ms(response: &Response) -> Option<u64> {
    response.date.as_deref().and_then(parse_http_date)
}

fn ahead_ms(date_ms: u64, mono_ms: u64) -> i128 {
    i128::from(date_ms).saturating_sub(i128::from(mono_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dated(second: u64) -> Response {
        Response {
            status: 200,
            date: Some(format!("Thu, 01 Jan 2026 00:00:{second:02} GMT")),
            ..Response::default()
        }
    }

    fn at(mono_ms: u64) -> Now {
        Now {
            mono_ms,
            wall_ms: 0,
        }
    }

    /// The first answer arrives at 0, another one at `mono_ms`.
    fn second(response: &Response, mono_ms: u64) -> Sign {
        let mut clock = ServerClock::default();
        assert_eq!(clock.judge(&dated(10), 0, at(0)), Sign::Possible);
        clock.judge(response, mono_ms, at(mono_ms))
    }

    #[test]
    fn advancing_date_proves_the_server_alive() {
        assert_eq!(second(&dated(12), 2_000), Sign::Certain);
        assert_eq!(second(&dated(40), 30_000), Sign::Certain);
        // The machine slept while the server's clock went on.
        assert_eq!(second(&dated(50), 2_000), Sign::Certain);
    }

    #[test]
    fn date_may_be_five_seconds_behind_and_be_repeated_within_one() {
        for (second_of, in_time_ms) in [(12, 7_000), (10, 1_000)] {
            let answer = dated(second_of);
            assert_eq!(second(&answer, in_time_ms), Sign::Possible);
            assert_eq!(second(&answer, in_time_ms + 1), Sign::Cached);
        }
    }

    #[test]
    fn answer_behind_the_latest_seen_is_cached() {
        let mut clock = ServerClock::default();
        clock.judge(&dated(10), 0, at(0));
        // The machine slept while the server's clock went on.
        assert_eq!(clock.judge(&dated(50), 2_000, at(2_000)), Sign::Certain);
        assert_eq!(clock.judge(&dated(14), 4_000, at(4_000)), Sign::Cached);
    }

    #[test]
    fn answer_heard_late_makes_no_copy_certain() {
        let mut clock = ServerClock::default();
        clock.judge(&dated(10), 0, at(25_000));
        assert_eq!(clock.judge(&dated(12), 26_000, at(26_100)), Sign::Possible);
        // The server's clock goes on meanwhile: this one is no copy.
        assert_eq!(clock.judge(&dated(37), 27_000, at(27_100)), Sign::Certain);
    }

    #[test]
    fn old_or_repeated_date_or_an_age_marks_a_cached_answer() {
        assert_eq!(second(&dated(12), 30_000), Sign::Cached);
        assert_eq!(second(&dated(10), 2_000), Sign::Cached);
        let aged = Response {
            age: Some(" 3 ".to_owned()),
            ..dated(12)
        };
        assert_eq!(second(&aged, 2_000), Sign::Cached);
    }

    #[test]
    fn answer_without_a_date_or_within_a_second_is_uncertain() {
        assert_eq!(second(&dated(10), 500), Sign::Possible);
        assert_eq!(second(&Response::default(), 30_000), Sign::Possible);
        let fresh = Response {
            age: Some("0".to_owned()),
            ..dated(12)
        };
        assert_eq!(second(&fresh, 2_000), Sign::Certain);
    }

    #[test]
    fn server_clock_set_back_is_learnt_from_uncached_answers() {
        let mut clock = ServerClock::default();
        clock.judge(&dated(50), 0, at(0));
        assert_eq!(clock.judge(&dated(12), 2_000, at(2_000)), Sign::Cached);
        clock.learn_from(&dated(13), 3_000, at(3_000));
        assert_eq!(clock.judge(&dated(15), 5_000, at(5_000)), Sign::Certain);
    }

    #[test]
    fn slow_answer_does_not_set_the_server_clock_back() {
        let mut clock = ServerClock::default();
        clock.learn_from(&dated(10), 0, at(0));
        // Generated soon after the request, then nine seconds in transit.
        clock.learn_from(&dated(11), 1_000, at(10_000));
        assert_eq!(clock.judge(&dated(14), 10_500, at(10_600)), Sign::Cached);
    }

    #[test]
    fn cached_answer_does_not_set_the_server_clock_back() {
        let mut clock = ServerClock::default();
        clock.learn_from(&dated(50), 0, at(0));
        for _ in 0..3 {
            assert_eq!(clock.judge(&dated(12), 9_000, at(9_000)), Sign::Cached);
        }
    }
}
