//! Answers that are behind what is known of the balance: the word of a copy of the server that
//! lags, or of a server that has begun its versions anew. Only that they go on tells.

use super::Engine;
use super::sending::Sent;
use crate::core::balance::Confirmed;
use crate::core::clock::Now;
use crate::core::protocol::Reading;

/// How long a copy of the server is given to catch up, at least, in milliseconds: so long after
/// the first answer that is behind comes the second opinion, and twice as long after that the
/// next. The time that backoff begins with may be far shorter.
const CATCHES_UP_MS: u64 = 1_000;

/// So many opinions in a row that are behind are followed.
const OPINIONS: u32 = 3;

/// Answers that were behind, each of which left the copy of the server time to catch up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    /// What they are behind: since when its versions count, and its version.
    known: (u64, u64),
    opinions: u32,
    /// The next opinion counts from then on; monotonic.
    until_ms: u64,
}

impl Doubt {
    /// Whether what is asked now would come too soon to be an opinion.
    pub(super) fn is_early(&self, now: Now) -> bool {
        now.mono_ms < self.until_ms
    }
}

impl Engine {
    /// An answer to a charge may be behind what was known before it was sent: only a reading
    /// tells whether the server has begun its versions anew. One that is not behind tells that
    /// it has not.
    pub(super) fn doubt_versions(&mut self, now: Now, sent: &Sent, reading: Option<&Reading>) {
        let known = self.balance.confirmed();
        match reading.map(|reading| sent.is_behind(reading, known)) {
            Some(true) if self.refresh.doubt.is_none() => self.balance_is_due(now),
            // It is read again in any case.
            Some(true) | None => {}
            Some(false) => self.refresh.doubt = None,
        }
    }

    /// Takes the opinion of a reading that is behind, after those in `before`. Whether it is one
    /// too many for a copy that lags; if not, the balance is read again.
    pub(super) fn is_no_copy(&mut self, now: Now, before: Option<Doubt>) -> bool {
        let known = self.balance.confirmed();
        let known = known.map_or((0, 0), Confirmed::place);
        // Whatever has been learnt since, here or in another tab, the server's versions go on.
        let before = before.filter(|before| before.known == known);
        let doubt = match before {
            Some(early) if early.is_early(now) => early,
            Some(_) | None => {
                let opinions = before.map_or(0, |before| before.opinions).saturating_add(1);
                let until_ms = now.after(self.catches_up_ms(opinions));
                Doubt {
                    known,
                    opinions,
                    until_ms,
                }
            }
        };
        if doubt.opinions >= OPINIONS {
            return true;
        }
        // Without conditions, so that the answer says what the server holds.
        self.balance.forget_etag();
        self.refresh.doubt = Some(doubt);
        self.refresh.next_sync_ms = Some(doubt.until_ms);
        self.refresh.needed = true;
        false
    }

    /// How long after this opinion the next one counts.
    fn catches_up_ms(&self, opinions: u32) -> u64 {
        let backoff = &self.config.backoff;
        let first_ms = backoff.base_ms.min(backoff.max_ms).max(CATCHES_UP_MS);
        let doublings = opinions.saturating_sub(1);
        first_ms.saturating_mul(2_u64.saturating_pow(doublings))
    }
}
