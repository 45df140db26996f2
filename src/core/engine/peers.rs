//! Messages from other tabs: charges that they changed, and balances that they learnt.
//!
//! A balance may have come with the end of a charge that still counts as open here. Shown at once
//! it would have those points subtracted twice, so it is applied together with what the journal
//! says of the charges.

use super::balance::BalanceSync;
use super::journal::Writer;
use super::tasks::Tasks;
use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::outbox::{Entry, Outbox};
use crate::core::record::State;

/// Maximum number of charges read for the sake of a balance, starting with those that may be under
/// way elsewhere. A batch has at most half as many.
const READ_LIMIT: usize = 200;

/// This tab's state, for judging messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownBalance<'a> {
    pub(super) balance: &'a BalanceSync,
    pub(super) writer: &'a Writer,
}

impl KnownBalance<'_> {
    /// Whether this balance is newer than this tab's, and than any awaiting the journal.
    pub(super) fn is_news(&self, told: &Confirmed) -> bool {
        let known = self.balance.confirmed();
        let newer = known.is_none_or(|known| told.is_newer_than(known));
        let coming = |coming: &Confirmed| coming.version >= told.version;
        newer && !self.writer.coming().any(coming)
    }

    /// Whether it differs from the known balance in more than its time.
    pub(super) fn changes_version(&self, told: &Confirmed) -> bool {
        let known = self.balance.confirmed();
        known.is_none_or(|known| known.version != told.version)
    }
}

/// The charges and tasks that hold points here and may have ended elsewhere.
pub(super) fn held_for_others(outbox: &Outbox, tasks: &Tasks) -> Vec<Key> {
    // Unwritten charges are not in the journal to be read.
    let may_end = |entry: &&Entry| entry.saved && entry.record.is_held();
    let is_watched = |entry: &Entry| entry.outdated || is_under_way(entry.record.state());
    let key_of = |entry: &Entry| entry.record.charge().key.clone();
    let under_way = outbox.watched().filter(may_end).map(key_of);
    let idle = outbox
        .iter()
        .filter(|entry| !is_watched(entry))
        .filter(may_end);
    let keys = under_way.chain(tasks.keys_elsewhere().cloned());
    keys.chain(idle.map(key_of)).take(READ_LIMIT).collect()
}

fn is_under_way(state: &State) -> bool {
    match state {
        State::Attempting(_) => true,
        State::Waiting(_) | State::Parked(_) | State::Settled(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::charge::ChargeRequest;
    use crate::core::clock::Now;
    use crate::core::outbox::Patience;
    use crate::core::record::{Claim, Purpose, Record};

    const NOW: Now = Now {
        mono_ms: 10,
        wall_ms: 10,
    };

    fn record(task: &str) -> Record {
        let request = ChargeRequest {
            task_id: task.into(),
            amount: 5.0,
            feature: "f".into(),
            ..ChargeRequest::default()
        };
        Record::open(request.into_charge(0).unwrap(), 1)
    }

    fn put(outbox: &mut Outbox, record: Record) -> Key {
        let key = record.charge().key.clone();
        let patience = Patience {
            delay_ms: 60_000,
            hold_ms: 86_400_000,
        };
        outbox.put(record, true, NOW, patience);
        key
    }

    #[test]
    fn charges_that_may_have_ended_elsewhere_are_read_before_idle_ones() {
        let mut outbox = Outbox::default();
        for n in 0..READ_LIMIT {
            put(&mut outbox, record(&format!("idle{n:03}")));
        }
        let outdated = put(&mut outbox, record("outdated"));
        outbox.update(&outdated, |entry| entry.outdated = true);
        let claim = Claim {
            tab: "other".into(),
            until_ms: 10_010,
            length_ms: 10_000,
        };
        let begun = record("under-way").begin(Purpose::Send, claim, 10).unwrap();
        let under_way = put(&mut outbox, begun);
        let keys = held_for_others(&outbox, &Tasks::default());
        assert_eq!(keys.len(), READ_LIMIT);
        let (first, idle) = keys.split_at(2);
        assert!(first.contains(&outdated) && first.contains(&under_way));
        assert!(idle.iter().all(|key| key.as_str().starts_with("f:idle")));
    }
}
