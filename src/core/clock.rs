//! Time, which the core never takes for itself: the shell passes it in.

use std::time::{Duration, UNIX_EPOCH};

/// One instant on both clocks of a browser, in milliseconds.
///
/// Deadlines inside one tab use `mono_ms`, which never jumps. What is written down for later
/// (another tab, another start) uses `wall_ms`, which the user may set to any day.
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

    /// The monotonic instant of a wall-clock one, at most `limit_ms` from now: whatever the wall
    /// clock was when it was written down, nothing waits longer than it was meant to.
    pub fn mono_of(self, wall_ms: u64, limit_ms: u64) -> u64 {
        self.after(wall_ms.saturating_sub(self.wall_ms).min(limit_ms))
    }

    /// The wall-clock instant `delay_ms` from now.
    pub fn wall_after(self, delay_ms: u64) -> u64 {
        self.wall_ms.saturating_add(delay_ms)
    }
}

/// The year 10000: RFC 3339 has no instant after it.
const RFC3339_END_MS: u64 = 253_402_300_799_999;

/// An instant of the wall clock as RFC 3339 in UTC, e.g. `2026-03-01T08:00:00.000Z`.
pub fn rfc3339(wall_ms: u64) -> String {
    let since_epoch = Duration::from_millis(wall_ms.min(RFC3339_END_MS));
    // Below the end of RFC 3339 the sum can't overflow.
    let instant = UNIX_EPOCH.checked_add(since_epoch).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_millis(instant).to_string()
}

/// An HTTP date (RFC 9110, section 5.6.7) in milliseconds since the Unix epoch.
pub fn parse_http_date(text: &str) -> Option<u64> {
    let instant = httpdate::parse_http_date(text).ok()?;
    let since_epoch = instant.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since_epoch.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_instant_far_ahead_is_waited_for_no_longer_than_the_limit() {
        let now = Now {
            mono_ms: 1_000,
            wall_ms: 50_000,
        };
        assert_eq!(now.mono_of(50_500, 10_000), 1_500);
        assert_eq!(now.mono_of(86_400_000, 10_000), 11_000);
        assert_eq!(now.mono_of(0, 10_000), 1_000);
    }

    #[test]
    fn instants_are_written_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn http_dates_are_read() {
        assert_eq!(
            parse_http_date("Thu, 01 Jan 1970 00:00:01 GMT"),
            Some(1_000)
        );
        assert_eq!(parse_http_date("tomorrow"), None);
        assert_eq!(parse_http_date("Wed, 31 Dec 1969 23:59:59 GMT"), None);
    }
}
