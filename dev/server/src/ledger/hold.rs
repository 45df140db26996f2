//! Holds: points that are reserved for a charge to come, and end by themselves.

use super::{ChargeRequest, MAX_POINTS};

/// The longest time that a hold is granted at once, in seconds: a day. What a client forgets is free
/// again by then.
pub const MAX_HOLD_S: u64 = 86_400;

/// A hold that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRequest {
    charge: ChargeRequest,
    granted_s: u64,
}

impl HoldRequest {
    /// Holds the points of `charge` for `expires_in_s`, cut down to [`MAX_HOLD_S`]. `None` for 0 s and
    /// for more than [`MAX_POINTS`], which JSON may have rounded.
    pub fn new(charge: ChargeRequest, expires_in_s: u64) -> Option<Self> {
        (1..=MAX_POINTS).contains(&expires_in_s).then(|| Self {
            charge,
            granted_s: expires_in_s.min(MAX_HOLD_S),
        })
    }

    /// The charge that is to settle the hold. They share their key.
    pub fn charge(&self) -> &ChargeRequest {
        &self.charge
    }

    /// When a hold expires that is granted at `now_ms`.
    pub fn expires_at_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add(self.granted_s * 1_000)
    }
}

/// Points that are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The charge that they are held for.
    pub request: ChargeRequest,
    /// Milliseconds since the Unix epoch: from then on it holds nothing.
    pub expires_at_ms: u64,
}

impl Hold {
    /// Whether it holds its points at `now_ms`.
    pub fn is_active(&self, now_ms: u64) -> bool {
        now_ms < self.expires_at_ms
    }

    /// How long it still holds them, in whole seconds.
    pub fn left_s(&self, now_ms: u64) -> u64 {
        self.expires_at_ms.saturating_sub(now_ms) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(expires_in_s: u64) -> Option<HoldRequest> {
        HoldRequest::new(ChargeRequest::new("k", "t", "f", 5).unwrap(), expires_in_s)
    }

    #[test]
    fn a_hold_is_granted_for_what_was_asked_a_day_at_most() {
        assert_eq!(request(1).unwrap().expires_at_ms(500), 1_500);
        assert_eq!(request(MAX_HOLD_S).unwrap().expires_at_ms(0), 86_400_000);
        assert_eq!(request(MAX_POINTS).unwrap().expires_at_ms(0), 86_400_000);
        assert_eq!(request(0), None);
        assert_eq!(request(MAX_POINTS + 1), None);
    }

    #[test]
    fn a_hold_ends_at_the_millisecond_of_its_expiry() {
        let request = request(2).unwrap();
        let hold = Hold {
            request: request.charge().clone(),
            expires_at_ms: request.expires_at_ms(1_000),
        };
        assert_eq!(hold.left_s(1_000), 2);
        assert_eq!(hold.left_s(1_001), 1);
        assert!(hold.is_active(2_999));
        assert!(!hold.is_active(3_000));
        assert_eq!(hold.left_s(5_000), 0);
    }
}
