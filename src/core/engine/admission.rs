//! Admission of charges and tasks: whether there is room for them, and enough points.

use super::balance::BalanceSync;
use super::calls::{conflict_with, is_charged};
use super::context::Context;
use super::server_holds::ServerHolds;
use super::tasks::Tasks;
use super::wire::Wire;
use crate::core::balance::Balance;
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::config::OfflineSpend;
use crate::core::outbox::{Outbox, sum};
use crate::core::outcome::What;
use crate::core::points::Points;
use crate::core::reason::{DeclineReason, FailureReason};
use crate::core::record::{Failure, Verdict};
use crate::core::text::{Detail, Message};

/// Everything that decides admission, at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admission<'a> {
    pub(super) now: Now,
    pub(super) cx: &'a Context,
    pub(super) outbox: &'a Outbox,
    pub(super) tasks: &'a Tasks,
    pub(super) server_holds: &'a ServerHolds,
    pub(super) wire: &'a Wire,
    pub(super) balance: &'a BalanceSync,
}

impl Admission<'_> {
    /// Whether a charge may be taken on now.
    pub(super) fn admit(&self, charge: &Charge, has_place: bool) -> Result<(), Failure> {
        let known = self.outbox.get(&charge.key);
        if known.is_some_and(|entry| entry.record.is_held()) {
            return Ok(());
        }
        if !has_place && self.room_for(Some(&charge.key)) == 0 {
            return Err(Failure {
                reason: FailureReason::QueueFull,
                retryable: true,
                detail: Detail::QueueFull(self.cx.config.max_entries),
            });
        }
        self.offline_spend(charge.amount)
    }

    /// Whether this many points may be spent now, if the server is unreachable.
    pub(super) fn offline_spend(&self, amount: Points) -> Result<(), Failure> {
        if !self.wire.gate().is_out_of_reach() {
            return Ok(());
        }
        let reopened = self.outbox.points_of_reopened();
        let held = self.held().plus(reopened);
        let detail = match self.cx.config.offline_spend {
            OfflineSpend::Unlimited => return Ok(()),
            OfflineSpend::Deny => Detail::OfflineDenied,
            OfflineSpend::Points(limit) if held.plus(amount) <= limit => return Ok(()),
            OfflineSpend::Points(_) => Detail::OfflineLimit,
            OfflineSpend::WithinBalance => match self.view(reopened) {
                Some(balance) if amount <= balance.available => return Ok(()),
                Some(_) => Detail::OfflineBalance,
                None => Detail::OfflineUnknown,
            },
        };
        Err(Failure {
            reason: FailureReason::OfflineSpendDenied,
            retryable: true,
            detail,
        })
    }

    /// Points of open charges and running tasks.
    pub(super) fn held(&self) -> Points {
        let charges = self.outbox.counts().held_points;
        let tasks = self.tasks.holds();
        let tasks = tasks.iter().filter(|(key, _)| !self.is_charge(key));
        charges.plus(sum(tasks.map(|(_, amount)| *amount)))
    }

    /// The balance as its user sees it, with these points held too.
    pub(super) fn view(&self, more: Points) -> Option<Balance> {
        let known = self.balance.confirmed()?;
        let counted = self.server_holds.counted(self.now, known);
        // A charge may take more than was held for it.
        let counted = counted.filter_map(|(key, points)| Some(self.held_for(key)?.min(points)));
        // One that was released behind this tab's back counts here again.
        let counted = sum(counted).min(known.held.unwrap_or_default());
        let held = self.held().less(counted).plus(more);
        self.balance.view(held, self.now, self.cx)
    }

    /// Whether there are enough points for this task but for what the server holds.
    pub(super) fn fits_but_for_server(&self, charge: &Charge) -> bool {
        let known = self.balance.confirmed();
        known.is_some_and(|known| charge.amount <= known.balance.less(self.held()))
    }

    /// Whether points are held here for this charge or task.
    pub(super) fn is_held(&self, key: &Key) -> bool {
        self.held_for(key).is_some()
    }

    /// The points held here for this charge or task.
    fn held_for(&self, key: &Key) -> Option<Points> {
        let charge = self.outbox.get(key).map(|entry| &entry.record);
        match charge.filter(|record| record.is_held()) {
            Some(record) => Some(record.charge().amount),
            None if self.is_charge(key) => None,
            None => self.tasks.held_by(key),
        }
    }

    /// Number of further charges that may be open. A running task keeps its place in the queue, so
    /// that its work is not done in vain; the task of `key` is not counted.
    pub(super) fn room_for(&self, key: Option<&Key>) -> usize {
        let tasks = self.tasks.holds();
        let others = tasks.iter().filter(|(task, _)| Some(*task) != key);
        let tasks = others.filter(|(task, _)| !self.is_charge(task)).count();
        let taken = self.outbox.taken().saturating_add(tasks);
        self.cx.config.max_entries.saturating_sub(taken)
    }

    /// Whether there is a charge of this key that holds its points, or has paid them.
    fn is_charge(&self, key: &Key) -> bool {
        let entry = self.outbox.get(key);
        entry.is_some_and(|entry| entry.record.is_held() || is_charged(&entry.record))
    }

    /// `Ok(true)` where points have to be held, `Ok(false)` where they are held or paid already.
    pub(super) fn may_start(&self, charge: &Charge) -> Result<bool, What> {
        if let Some(entry) = self.outbox.get(&charge.key) {
            if !entry.record.charge().is_end_of(charge) {
                return Err(conflict_with(self.cx, entry.record.charge()));
            }
            if entry.record.is_held() || is_charged(&entry.record) {
                return Ok(false);
            }
        }
        if let Some(running) = self.tasks.own(&charge.key) {
            return match running.is_same_as(charge) {
                true => Ok(false),
                false => Err(conflict_with(self.cx, running)),
            };
        }
        let locale = self.cx.config.locale;
        self.admit(charge, false)
            .map_err(|failure| What::of(&Verdict::Failed(failure), locale))?;
        if self.tasks.held_elsewhere(&charge.key) == Some(charge.amount) {
            // The same task in another tab: its points are held already, and charged once.
            return Ok(true);
        }
        match self.view(Points::ZERO) {
            Some(balance) if charge.amount > balance.available => {
                let message = Message::TooFewPoints {
                    available: balance.available,
                    amount: charge.amount,
                };
                Err(What::Declined {
                    reason: DeclineReason::InsufficientBalance,
                    balance: Some(balance.confirmed),
                    detail: message.told(locale),
                })
            }
            Some(_) | None => Ok(true),
        }
    }
}
