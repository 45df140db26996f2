//! Time, which the core never reads for itself: the shell passes it in.

pub use super::calendar::{parse_http_date, rfc3339};

/// One instant on both clocks of a browser, in milliseconds.
///
/// Deadlines inside one tab use `mono_ms`, which never jumps. Times written for later (another tab,
/// another start) use `wall_ms`, which the user may set to any day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since an arbitrary start: `performance.now()`.
    pub mono_ms: u64,
    /// Milliseconds since the Unix epoch: `Date.now()`.
    pub wall_ms: u64,
}

impl Now {
    /// The monotonic instant `delay_ms` from now.
    pub fn after(self, delay_ms: u64) -> u64 {
        self.mono_ms.saturating_add(delay_ms)
    }

    /// The monotonic instant of a wall-clock one, at most `limit_ms` from now: nothing waits longer
    /// than intended, whatever the wall clock was when it was written.
    pub fn mono_of(self, wall_ms: u64, limit_ms: u64) -> u64 {
        self.after(wall_ms.saturating_sub(self.wall_ms).min(limit_ms))
    }

    /// The wall-clock instant `delay_ms` from now.
    pub fn wall_after(self, delay_ms: u64) -> u64 {
        self.wall_ms.saturating_add(delay_ms)
    }
}

/// Largest clock adjustment that goes unnoticed, in milliseconds.
pub const CLOCK_SLACK_MS: u64 = 1_000;

/// Compares the two clocks on each call, to detect that the wall clock was set or the machine
/// slept.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockWatch {
    /// How far the wall clock was ahead of the monotonic one at the last comparison.
    ahead_ms: Option<u64>,
    /// The largest value that it ever had.
    most_ahead_ms: u64,
    /// Its value before the wall clock was set back by more than [`CLOCK_SLACK_MS`] in total.
    noted_ahead_ms: u64,
}

/// An irregular step of the wall clock since the last comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockStep {
    /// None that matters.
    None,
    /// It has advanced by this many milliseconds while the monotonic clock stood still: the machine
    /// slept, or the clock was set.
    Ahead(u64),
    /// It has been set back.
    Back,
}

impl ClockWatch {
    /// Compares the clocks.
    pub fn look(&mut self, now: Now) -> ClockStep {
        let ahead_ms = now.wall_ms.saturating_sub(now.mono_ms);
        self.most_ahead_ms = self.most_ahead_ms.max(ahead_ms);
        let Some(before_ms) = self.ahead_ms.replace(ahead_ms) else {
            self.noted_ahead_ms = ahead_ms;
            return ClockStep::None;
        };
        let moved_on_ms = ahead_ms.saturating_sub(before_ms);
        let set_back_ms = self.noted_ahead_ms.saturating_sub(ahead_ms);
        if moved_on_ms > CLOCK_SLACK_MS {
            self.noted_ahead_ms = self.noted_ahead_ms.max(ahead_ms);
            ClockStep::Ahead(moved_on_ms)
        } else if set_back_ms > CLOCK_SLACK_MS {
            self.noted_ahead_ms = ahead_ms;
            ClockStep::Back
        } else {
            self.noted_ahead_ms = self.noted_ahead_ms.max(ahead_ms);
            ClockStep::None
        }
    }

    /// The wall-clock time as if it had never been set back since the first comparison,
    /// milliseconds since the Unix epoch: an age measured by it is too high rather than too low.
    pub fn latest_wall_ms(&self, now: Now) -> u64 {
        now.after(self.most_ahead_ms).max(now.wall_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_instant_far_ahead_is_limited_on_the_monotonic_clock() {
        let now = Now {
            mono_ms: 1_000,
            wall_ms: 50_000,
        };
        assert_eq!(now.mono_of(50_500, 10_000), 1_500);
        assert_eq!(now.mono_of(86_400_000, 10_000), 11_000);
        assert_eq!(now.mono_of(0, 10_000), 1_000);
    }

    fn at(mono_ms: u64, wall_ms: u64) -> Now {
        Now { mono_ms, wall_ms }
    }

    #[test]
    fn clocks_that_advance_together_make_no_step() {
        let mut watch = ClockWatch::default();
        for passed_ms in [0, 1, 500, 90_000, 86_400_000] {
            let now = at(10 + passed_ms, 1_000_000 + passed_ms);
            assert_eq!(watch.look(now), ClockStep::None);
            assert_eq!(watch.latest_wall_ms(now), now.wall_ms);
        }
    }

    #[test]
    fn wall_clock_advancing_alone_is_noticed_once() {
        let mut watch = ClockWatch::default();
        watch.look(at(10, 1_000_000));
        assert_eq!(
            watch.look(at(20, 1_000_010 + CLOCK_SLACK_MS)),
            ClockStep::None
        );
        assert_eq!(watch.look(at(30, 1_060_000)), ClockStep::Ahead(58_980));
        assert_eq!(watch.look(at(31, 1_060_001)), ClockStep::None);
    }

    #[test]
    fn wall_clock_set_back_by_no_more_than_the_slack_is_not_noticed() {
        let mut watch = ClockWatch::default();
        watch.look(at(10, 1_000_000));
        let least = at(20, 1_000_010 - CLOCK_SLACK_MS);
        assert_eq!(watch.look(least), ClockStep::None);
        assert_eq!(watch.look(at(21, least.wall_ms)), ClockStep::Back);
    }

    #[test]
    fn wall_clock_set_back_in_small_steps_is_noticed_once() {
        let mut watch = ClockWatch::default();
        watch.look(at(10, 1_000_000));
        assert_eq!(watch.look(at(20, 999_510)), ClockStep::None);
        assert_eq!(watch.look(at(30, 998_920)), ClockStep::Back);
        assert_eq!(watch.look(at(40, 998_930)), ClockStep::None);
        assert_eq!(watch.latest_wall_ms(at(40, 998_930)), 1_000_030);
    }

    #[test]
    fn instants_are_formatted_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn http_dates_are_parsed() {
        assert_eq!(
            parse_http_date("Thu, 01 Jan 1970 00:00:01 GMT"),
            Some(1_000)
        );
        assert_eq!(parse_http_date("tomorrow"), None);
        assert_eq!(parse_http_date("Wed, 31 Dec 1969 23:59:59 GMT"), None);
    }
}
