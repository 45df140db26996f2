//! The balance: the server's number, and the holds against it.

use super::points::Points;
use super::protocol::BalanceReading;

/// The last balance that the server confirmed, as it is cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Whole points.
    pub balance: Points,
    /// The server's version of it.
    pub version: u64,
    /// When the server last confirmed it, milliseconds since the Unix epoch.
    pub as_of_ms: u64,
    /// The `ETag` that came with this version.
    pub etag: Option<String>,
    /// The points in the account's holds at the server, where it keeps any: `docs/holds.md`.
    pub held: Option<Points>,
}

json_members! { to and from Confirmed { balance, version, as_of_ms, etag, held } }

impl Confirmed {
    /// Whether this is a newer version than `other`, or the same one heard later.
    pub fn is_newer_than(&self, other: &Confirmed) -> bool {
        (self.version, self.as_of_ms) > (other.version, other.as_of_ms)
    }
}

/// `Balance` of the public API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The last balance that the server confirmed.
    pub confirmed: Points,
    /// Points of open charges and running tasks, and what the server holds besides.
    pub held: Points,
    /// `confirmed - held`, never below 0.
    pub available: Points,
    /// The server's version of `confirmed`.
    pub version: u64,
    /// When the server last confirmed it, milliseconds since the Unix epoch.
    pub as_of: u64,
    /// Whether it is older than `staleAfterMs`.
    pub stale: bool,
}

json_members! { to Balance { confirmed, held, available, version, as_of = "asOf", stale } }

/// Takes balances from the server in any order and keeps the newest.
#[derive(Clone, Debug, Default)]
pub struct BalanceBook {
    confirmed: Option<Confirmed>,
}

impl BalanceBook {
    /// The newest balance known.
    pub fn confirmed(&self) -> Option<&Confirmed> {
        self.confirmed.as_ref()
    }

    /// Takes a balance from the server; false if it changes nothing, being older or the same.
    pub fn learn(&mut self, reading: BalanceReading, etag: Option<String>, as_of_ms: u64) -> bool {
        let known = self.confirmed.as_ref();
        let older = known.is_some_and(|known| known.version > reading.version);
        if older && !defect!(OlderBalanceApplies) {
            return false;
        }
        let same_version = known.filter(|known| known.version == reading.version);
        // A server that keeps holds says so in every answer. One that forgets to ends no hold by it.
        let held = reading.held.or_else(|| known.and_then(|known| known.held));
        let etag = etag.or_else(|| {
            let known = same_version.filter(|known| known.held == held);
            known.and_then(|known| known.etag.clone())
        });
        let as_of_ms = same_version.map_or(as_of_ms, |known| known.as_of_ms.max(as_of_ms));
        let learnt = Some(Confirmed {
            balance: reading.balance,
            version: reading.version,
            as_of_ms,
            etag,
            held,
        });
        let is_news = learnt != self.confirmed;
        self.confirmed = learnt;
        is_news
    }

    /// Takes a balance from another tab or an earlier start.
    pub fn learn_cached(&mut self, cached: Confirmed) -> bool {
        let known = self.confirmed.as_ref();
        let newer = known.is_none_or(|known| cached.is_newer_than(known));
        if newer {
            self.confirmed = Some(cached);
        }
        newer
    }

    /// The server confirms that the known balance is still right.
    pub fn confirm_unchanged(&mut self, as_of_ms: u64) {
        if let Some(known) = &mut self.confirmed {
            known.as_of_ms = known.as_of_ms.max(as_of_ms);
        }
    }

    /// The server keeps no holds any more.
    pub fn forget_held(&mut self) {
        if let Some(known) = &mut self.confirmed {
            known.held = None;
        }
    }

    /// Forgets the balance.
    pub fn clear(&mut self) {
        self.confirmed = None;
    }

    /// The balance as its user sees it, with these points held besides what the server holds.
    pub fn view(&self, held: Points, wall_ms: u64, stale_after_ms: u64) -> Option<Balance> {
        let known = self.confirmed.as_ref()?;
        let at_server = known.held.filter(|_| !defect!(IgnoresServerHolds));
        let held = held.plus(at_server.unwrap_or_default());
        Some(Balance {
            confirmed: known.balance,
            held,
            available: known.balance.less(held),
            version: known.version,
            as_of: known.as_of_ms,
            stale: is_stale(known.as_of_ms, wall_ms, stale_after_ms),
        })
    }
}

/// Whether `as_of_ms` is older than `after_ms`, or from a clock that was ahead of this one.
pub fn is_stale(as_of_ms: u64, wall_ms: u64, after_ms: u64) -> bool {
    match wall_ms.checked_sub(as_of_ms) {
        Some(age_ms) => age_ms > after_ms,
        None => as_of_ms.saturating_sub(wall_ms) > after_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(balance: u64, version: u64) -> BalanceReading {
        BalanceReading {
            balance: Points::new(balance).unwrap(),
            version,
            held: None,
        }
    }

    #[test]
    fn older_balance_version_changes_nothing() {
        let mut book = BalanceBook::default();
        assert!(book.learn(reading(100, 5), None, 10));
        assert!(!book.learn(reading(120, 4), None, 20));
        assert_eq!(book.view(Points::ZERO, 10, 1).unwrap().confirmed.get(), 100);
    }

    #[test]
    fn etag_belongs_to_its_balance_version() {
        let mut book = BalanceBook::default();
        book.learn(reading(100, 5), Some("\"v5\"".into()), 10);
        book.learn(reading(100, 5), None, 20);
        assert_eq!(book.confirmed().unwrap().etag.as_deref(), Some("\"v5\""));
        book.learn(reading(97, 6), None, 30);
        assert_eq!(book.confirmed().unwrap().etag, None);
    }

    #[test]
    fn what_the_server_holds_is_held_besides_what_is_held_here() {
        let mut book = BalanceBook::default();
        let with_held = |held| BalanceReading {
            held: Points::new(held),
            ..reading(100, 5)
        };
        let available = |book: &BalanceBook| {
            let balance = book.view(Points::new(7).unwrap(), 0, 1).unwrap();
            balance.available.get()
        };
        book.learn(with_held(30), Some("\"v5-30\"".into()), 10);
        assert_eq!(available(&book), 63);
        // One has expired: the version stays, and the tag was of another answer.
        book.learn(with_held(0), None, 20);
        assert_eq!(available(&book), 93);
        assert_eq!(book.confirmed().unwrap().etag, None);
        // Forgetting to say so ends no hold.
        book.learn(with_held(40), None, 30);
        book.learn(reading(100, 6), None, 40);
        assert_eq!(available(&book), 53);
        book.forget_held();
        assert_eq!(available(&book), 93);
    }

    #[test]
    fn available_balance_is_net_of_holds_and_never_negative() {
        let mut book = BalanceBook::default();
        book.learn(reading(5, 1), None, 0);
        let view = book.view(Points::new(3).unwrap(), 0, 1).unwrap();
        assert_eq!(view.available.get(), 2);
        let view = book.view(Points::new(9).unwrap(), 0, 1).unwrap();
        assert_eq!(view.available.get(), 0);
    }

    #[test]
    fn balance_from_the_future_is_stale() {
        assert!(!is_stale(100, 130, 30));
        assert!(is_stale(100, 131, 30));
        assert!(is_stale(86_400_000, 0, 30));
    }

    fn confirmed(balance: u64, version: u64, as_of_ms: u64) -> Confirmed {
        Confirmed {
            balance: Points::new(balance).unwrap(),
            version,
            as_of_ms,
            etag: None,
            held: None,
        }
    }

    #[test]
    fn repeated_balance_version_never_looks_older() {
        let mut book = BalanceBook::default();
        assert!(book.learn(reading(100, 5), None, 50));
        assert!(!book.learn(reading(100, 5), None, 20));
        assert_eq!(book.view(Points::ZERO, 50, 1).unwrap().as_of, 50);
        assert!(book.learn(reading(100, 5), None, 70));
        assert_eq!(book.view(Points::ZERO, 70, 1).unwrap().as_of, 70);
    }

    #[test]
    fn unchanged_balance_is_as_fresh_as_its_confirmation() {
        let mut book = BalanceBook::default();
        book.confirm_unchanged(10);
        assert_eq!(book.confirmed(), None);
        book.learn(reading(100, 5), None, 10);
        book.confirm_unchanged(90);
        let view = book.view(Points::ZERO, 95, 30).unwrap();
        assert_eq!((view.as_of, view.stale), (90, false));
        book.confirm_unchanged(20);
        assert_eq!(book.view(Points::ZERO, 95, 30).unwrap().as_of, 90);
    }

    #[test]
    fn only_a_newer_balance_of_another_tab_is_taken() {
        let mut book = BalanceBook::default();
        assert!(book.learn_cached(confirmed(100, 5, 50)));
        for old in [
            confirmed(120, 4, 90),
            confirmed(100, 5, 40),
            confirmed(100, 5, 50),
        ] {
            assert!(!book.learn_cached(old));
            assert_eq!(book.confirmed(), Some(&confirmed(100, 5, 50)));
        }
        for newer in [confirmed(100, 5, 60), confirmed(97, 6, 10)] {
            assert!(book.learn_cached(newer.clone()));
            assert_eq!(book.confirmed(), Some(&newer));
        }
        book.clear();
        assert_eq!(book.view(Points::ZERO, 0, 1), None);
    }

    #[test]
    fn clock_slightly_ahead_makes_no_balance_stale() {
        assert!(!is_stale(130, 100, 30));
        assert!(is_stale(131, 100, 30));
    }
}
