//! The token: whether the last one was refused, and what a refusal means.

use super::sent::Sent;
use crate::core::network::Asked;
use crate::core::ordered::Map;

/// The state of the token.
#[derive(Clone, Debug, Default)]
pub struct Token {
    /// Grows with every token that was accepted after a refusal.
    epoch: u32,
    /// The last token was refused: the next request asks for a new one.
    stale: bool,
    /// The generation of the token that was refused last to each kind of request, and not accepted
    /// since.
    refused: Map<Asked, u32>,
}

/// What a `401` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthorized {
    /// Try again with another token.
    TryAnother,
    /// The new one was refused too.
    Refused,
}

impl Token {
    /// How many were accepted after a refusal.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether the last token was refused: the next request asks for a new one.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// What a refusal of this request's token means.
    pub fn unauthorized(&mut self, sent: &Sent) -> Unauthorized {
        if sent.epoch < self.epoch {
            return Unauthorized::TryAnother;
        }
        self.stale = true;
        // Another kind of request may have had a new one accepted meanwhile.
        let before = self.refused.insert(sent.asked(), sent.epoch);
        let renewed = before.is_some_and(|epoch| epoch < sent.epoch);
        match sent.refreshed || renewed {
            true => Unauthorized::Refused,
            false => Unauthorized::TryAnother,
        }
    }

    /// The server took this request's token.
    pub fn accepted(&mut self, sent: &Sent) {
        self.refused.remove(&sent.asked());
        if sent.refreshed && sent.epoch == self.epoch {
            self.stale = false;
            self.epoch = self.epoch.saturating_add(1);
        }
    }
}
