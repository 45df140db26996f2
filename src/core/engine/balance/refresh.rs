//! The reading of the balance under way, and the calls that wait for it.

use super::super::context::Context;
use super::super::{Answer, CallId};
use crate::core::balance::Balance;
use crate::core::snapshot::{BalanceReason, BalanceResult};
use crate::core::text::Message;

/// The reading under way.
#[derive(Debug, Default)]
pub struct Refresh {
    under_way: bool,
    waiting: Vec<CallId>,
}

impl Refresh {
    pub fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Begins a reading; false if one is under way.
    pub(super) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.under_way, true)
    }

    pub(super) fn end(&mut self) {
        self.under_way = false;
    }

    pub fn wait(&mut self, call: CallId) {
        self.waiting.push(call);
    }

    /// Answers the waiting calls: the server has reported the balance.
    pub(super) fn tell_fresh(&mut self, balance: &Balance, cx: &mut Context) {
        for call in std::mem::take(&mut self.waiting) {
            let balance = balance.clone();
            cx.resolve(call, Answer::Balance(BalanceResult::Fresh { balance }));
        }
    }

    /// Answers the waiting calls: the server could not be asked, or did not answer.
    pub(super) fn tell_unavailable(
        &mut self,
        reason: BalanceReason,
        message: &Message,
        cached: Option<&Balance>,
        cx: &mut Context,
    ) {
        for call in std::mem::take(&mut self.waiting) {
            let result = BalanceResult::Unavailable {
                reason,
                detail: message.told(cx.config.locale),
                cached: cached.cloned(),
            };
            cx.resolve(call, Answer::Balance(result));
        }
    }
}
