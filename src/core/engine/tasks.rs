//! Running tasks: work that will be charged when it is done, and whose points are held meanwhile.

use super::answering::is_charged;
use super::{Answer, CallId, Engine, Life};
use crate::core::charge::{Charge, Key};
use crate::core::clock::Now;
use crate::core::outbox::sum;
use crate::core::outcome::{DeclineReason, Outcome, What};
use crate::core::points::Points;
use crate::core::record::{Decline, Record};

impl Engine {
    /// Whether the work may start; holds the points if so.
    pub(super) fn start_task(&mut self, now: Now, call: CallId, charge: &Charge, running: bool) {
        if self.life != Life::Running {
            return self.resolve(call, Answer::Closed);
        }
        let may_start = match self.may_start(now, charge) {
            Err(_) if running => Ok(true),
            may_start => may_start,
        };
        match may_start {
            Ok(true) => {
                self.tasks.insert(charge.key.clone(), charge.amount);
                self.resolve(call, Answer::Started);
            }
            // Charged or held already: nothing more to hold.
            Ok(false) => self.resolve(call, Answer::Started),
            Err(what) => {
                let record = Record::open(charge.clone(), 0);
                let outcome = Outcome::about(&record, what);
                self.log_outcome(now, charge, &outcome);
                self.resolve(call, Answer::Outcome(outcome));
            }
        }
    }

    pub(super) fn end_task(&mut self, key: &Key) {
        self.tasks.remove(key);
    }

    /// Points of open charges and running tasks.
    pub(super) fn held(&self) -> Points {
        let charges = self.outbox.counts().held_points;
        charges.plus(sum(self.tasks.values().copied()))
    }

    /// `Ok(true)` where points have to be held, `Ok(false)` where they are held or paid already.
    fn may_start(&self, now: Now, charge: &Charge) -> Result<bool, What> {
        if let Some(entry) = self.outbox.get(&charge.key) {
            if !entry.record.charge().is_same_as(charge) {
                return Err(self.conflict_with(entry.record.charge()));
            }
            if entry.record.is_held() || is_charged(&entry.record) {
                return Ok(false);
            }
        }
        if self.tasks.contains_key(&charge.key) {
            return Ok(false);
        }
        self.admission(now, charge).map_err(What::from)?;
        match self.balance_view(now) {
            Some(balance) if charge.amount > balance.available => {
                let (available, amount) = (balance.available, charge.amount);
                let detail = self.say(
                    &format!("{available} points are available, {amount} are needed"),
                    &format!("可用算力 {available}，需要 {amount}"),
                );
                Err(What::from(Decline {
                    reason: DeclineReason::InsufficientBalance,
                    balance: Some(balance.confirmed),
                    detail,
                }))
            }
            Some(_) | None => Ok(true),
        }
    }
}
