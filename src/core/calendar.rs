//! Instants as the formats of the web spell them: RFC 3339, and the dates of HTTP.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

const FIRST_YEAR: u64 = 1970;
const LAST_YEAR: u64 = 9999;
const DAY_MS: u64 = 86_400_000;

/// The last instant of the year 9999, milliseconds since the Unix epoch.
const LAST_MS: u64 = 253_402_300_799_999;

/// An instant as RFC 3339 in UTC; one after the year 9999, which that can't represent, as the last
/// of that year.
pub fn rfc3339(epoch_ms: u64) -> String {
    let epoch_ms = epoch_ms.min(LAST_MS);
    let mut day = epoch_ms / DAY_MS;
    let mut year = FIRST_YEAR;
    while let Some(left) = day.checked_sub(days_in_year(year)) {
        day = left;
        year = year.saturating_add(1);
    }
    let mut month = 1;
    while let Some(left) = day.checked_sub(days_in_month(year, month)) {
        day = left;
        month = month.saturating_add(1);
    }
    let day = day.saturating_add(1);
    let of_day_ms = epoch_ms % DAY_MS;
    let [hour, minute] = [of_day_ms / 3_600_000, of_day_ms / 60_000 % 60];
    let [second, ms] = [of_day_ms / 1_000 % 60, of_day_ms % 1_000];
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// An HTTP date (RFC 9110, section 5.6.7) in any of its three forms, in milliseconds since the Unix
/// epoch. What day of the week it was is not looked at.
pub fn parse_http_date(text: &str) -> Option<u64> {
    let mut parts = text.split([' ', ',', '-']).filter(|part| !part.is_empty());
    let _weekday = parts.next()?;
    let second = parts.next()?;
    let (day, month, year, time) = match month_of(second) {
        // Sun Nov  6 08:49:37 1994
        Some(month) => {
            let (day, time) = (parts.next()?, parts.next()?);
            (day, month, parts.next()?, time)
        }
        // Sun, 06 Nov 1994 08:49:37 GMT, or Sunday, 06-Nov-94 08:49:37 GMT
        None => {
            let month = month_of(parts.next()?)?;
            let (year, time) = (parts.next()?, parts.next()?);
            parts.next().filter(|zone| *zone == "GMT")?;
            (second, month, year, time)
        }
    };
    let is_whole = parts.next().is_none();
    let year = match (year.len(), number(year)?) {
        (2, year @ ..70) => year.saturating_add(2_000),
        (2, year) => year.saturating_add(1_900),
        (_, year) => year,
    };
    let day = number(day)?;
    let is_known = (FIRST_YEAR..=LAST_YEAR).contains(&year);
    if !is_whole || !is_known || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    let years = (FIRST_YEAR..year).map(days_in_year);
    let months = (1..month).map(|month| days_in_month(year, month));
    let days: u64 = years.chain(months).chain([day.saturating_sub(1)]).sum();
    days.checked_mul(DAY_MS)?.checked_add(of_day_ms(time)?)
}

/// The time of day, e.g. `08:49:37`, in milliseconds.
fn of_day_ms(time: &str) -> Option<u64> {
    let mut units = time.split(':');
    let mut seconds: u64 = 0;
    for limit in [24, 60, 60] {
        let unit = number(units.next()?).filter(|unit| *unit < limit)?;
        seconds = seconds.saturating_mul(60).saturating_add(unit);
    }
    let is_whole = units.next().is_none();
    is_whole.then(|| seconds.saturating_mul(1_000))
}

fn number(digits: &str) -> Option<u64> {
    let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| is_plain)
}

/// From 1.
fn month_of(name: &str) -> Option<u64> {
    (1..)
        .zip(MONTHS)
        .find_map(|(month, known)| (known == name).then_some(month))
}

fn days_in_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn instant(epoch_ms: u64) -> SystemTime {
        UNIX_EPOCH
            .checked_add(Duration::from_millis(epoch_ms))
            .unwrap()
    }

    /// By httpdate, which also looks at the day of the week.
    fn by_httpdate(text: &str) -> Option<u64> {
        let instant = httpdate::parse_http_date(text).ok()?;
        let since_epoch = instant.duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since_epoch.as_millis()).ok()
    }

    proptest! {
        #[test]
        fn instant_is_spelt_as_by_humantime(epoch_ms in 0..=LAST_MS) {
            let spelt = humantime::format_rfc3339_millis(instant(epoch_ms));
            prop_assert_eq!(rfc3339(epoch_ms), spelt.to_string());
        }

        #[test]
        fn http_date_is_parsed_as_by_httpdate(epoch_ms in 0..=LAST_MS) {
            let text = httpdate::fmt_http_date(instant(epoch_ms));
            prop_assert_eq!(parse_http_date(&text), by_httpdate(&text));
            prop_assert!(parse_http_date(&text).is_some_and(|parsed| epoch_ms.abs_diff(parsed) < 1_000));
        }

        #[test]
        fn what_httpdate_parses_is_parsed_alike(
            text in "(Sun|Sunday|Mon),? {1,2}[0-9]{1,2}[ -](Feb|Nov|nov|No)[ -]([0-9]{2}|19[0-9]{2}) \
                     [0-2][0-9]:[0-6][0-9]:[0-6][0-9] (GMT|UTC)|\
                     (Sun|Tue) (Jan|Nov) [ 0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9] (19|20)[0-9]{2}"
        ) {
            if let Some(epoch_ms) = by_httpdate(&text) {
                prop_assert_eq!(parse_http_date(&text), Some(epoch_ms));
            }
        }
    }

    #[test]
    fn http_date_is_parsed_in_all_of_its_forms() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_http_date(text), Some(784_111_777_000), "{text}");
            assert_eq!(by_httpdate(text), Some(784_111_777_000), "{text}");
        }
    }

    #[test]
    fn what_is_no_http_date_is_not_parsed() {
        for text in [
            "",
            "tomorrow",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT+1",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Wed, 29 Feb 2023 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sat, 01 Jan 10000 00:00:00 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
            assert_eq!(by_httpdate(text), None, "{text}");
        }
    }
}
