//! Sessions: an account's sign-ins on this device, told apart by the sign-outs between them.
//!
//! A sign-out leaves a mark in storage, which only grows. A client belongs to the session of the
//! mark that it found when it was opened. A later mark ends its session, whether or not it has
//! heard of that: claiming a charge checks the mark in the same transaction.

/// The session that a journal operation, a request or a balance belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session(u64);

impl Session {
    /// The session that begins with this mark; 0 before the first sign-out.
    pub const fn since(mark: u64) -> Session {
        Session(mark)
    }

    /// The mark with which it began.
    pub fn mark(self) -> u64 {
        self.0
    }

    /// Whether a sign-out has left this mark since it began.
    pub fn is_over(self, mark: u64) -> bool {
        mark > self.0 && !defect!(SignsOutOneTab)
    }

    /// The mark that its end leaves, where storage has `found`. A session that is over is not ended
    /// again, which would end the session of the next sign-in. The time of day keeps a mark that
    /// follows a wiped one above those that tabs still know.
    pub fn end(self, found: u64, wall_ms: u64) -> u64 {
        if found > self.0 {
            return found;
        }
        wall_ms.max(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_out_ends_the_session_and_all_before_it() {
        let (older, session) = (Session::since(0), Session::since(500));
        let mark = session.end(500, 1_000);
        assert_eq!(mark, 1_000);
        assert!(session.is_over(mark) && older.is_over(mark));
        assert!(!Session::since(mark).is_over(mark));
    }

    #[test]
    fn sign_out_ends_the_session_though_the_clock_was_set_back() {
        let session = Session::since(500);
        assert!(session.is_over(session.end(500, 3)));
    }

    #[test]
    fn ended_session_does_not_end_a_later_one() {
        assert_eq!(Session::since(500).end(700, 1_000), 700);
    }

    #[test]
    fn sign_out_after_a_wipe_ends_the_sessions_from_before_it() {
        let before = Session::since(500);
        assert!(
            !before.is_over(0),
            "the mark is gone, nobody has signed out"
        );
        assert!(before.is_over(Session::since(0).end(0, 1_000)));
    }
}
