//! The token: whether the last one was rejected, and the meaning of a rejection.

use super::sent::Sent;
use crate::core::network::Asked;
use crate::core::ordered::Map;

/// The state of the token.
#[derive(Clone, Debug, Default)]
pub struct Token {
    /// The token's generation, which grows with every acceptance after a rejection.
    epoch: u32,
    /// Whether the last token was rejected, so that the next request asks for a new one.
    stale: bool,
    /// The generation of the token last rejected for each kind of request, and not accepted since.
    rejected: Map<Asked, u32>,
}

/// The meaning of a `401`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthorized {
    /// Try again with another token.
    TryAnother,
    /// The new one was rejected too.
    Rejected,
}

impl Token {
    /// The token's generation.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether the last token was rejected, so that the next request asks for a new one.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// The meaning of a rejection of this request's token.
    pub fn unauthorized(&mut self, sent: &Sent) -> Unauthorized {
        if sent.epoch < self.epoch {
            return Unauthorized::TryAnother;
        }
        self.stale = true;
        // A new token may have been accepted for another kind of request meanwhile.
        let before = self.rejected.insert(sent.asked(), sent.epoch);
        let renewed = before.is_some_and(|epoch| epoch < sent.epoch);
        match sent.refreshed || renewed {
            true => Unauthorized::Rejected,
            false => Unauthorized::TryAnother,
        }
    }

    /// The server accepted this request's token.
    pub fn accepted(&mut self, sent: &Sent) {
        self.rejected.remove(&sent.asked());
        if sent.refreshed && sent.epoch == self.epoch {
            self.stale = false;
            self.epoch = self.epoch.saturating_add(1);
        }
    }
}
