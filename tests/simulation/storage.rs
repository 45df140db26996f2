//! What befalls the storage: single records, and the database as a whole.

use tollbox::core::charge::Key;
use tollbox::core::journal::{ApplyAt, Op};
use tollbox::core::session::Session;

use super::journal::Journal;
use super::tab::TabId;
use super::trace;
use super::world::World;

impl World {
    /// One record is damaged at rest. The store sets it aside, and keeps its key in mind. Not in the
    /// fallback: what the database has of the same charge would be all that is left, and old.
    pub fn damage_a_record(&mut self, tab: TabId) {
        let keys: Vec<Key> = self.journal.records.keys().cloned().collect();
        if keys.is_empty() || self.database.is_some() {
            return;
        }
        let key = keys[self.dice.index(keys.len())].clone();
        if let Some(record) = self.journal.records.remove(&key) {
            self.note(|| format!("DAMAGED: {}", trace::record(&record)));
            let charge = record.charge();
            self.user.doubted = Some((charge.task_id.clone(), charge.amount.get()));
        }
        self.journal.undo.retain(|(undone, _)| *undone != key);
        self.journal.lost.insert(key.clone());
        self.books.damaged.insert(key);
        // Whoever knew of it may be gone when that is found out.
        if let Some(place) = self.place(tab)
            && self.dice.chance(700)
        {
            self.crash(place);
            self.open();
        }
    }

    /// The browser ends, and starts without the database; or has it again, and what the fallback
    /// took on moves over.
    pub fn lose_or_regain_database(&mut self) {
        while let Some(place) = self.tabs.len().checked_sub(1) {
            self.crash(place);
        }
        // What they were about to write is in neither.
        self.orphans.clear();
        // Both storages have the mark of the last sign-out.
        let mark = self.journal.mark;
        match self.database.take() {
            None => {
                self.note(|| "the DATABASE can't be opened".to_owned());
                self.database = Some(std::mem::take(&mut self.journal));
            }
            Some(database) => {
                self.note(|| "the DATABASE is there again".to_owned());
                let fallback = std::mem::replace(&mut self.journal, database);
                self.move_over(fallback);
            }
        }
        self.journal.mark = mark;
        self.journal.lagging_mark = mark;
        let tabs = self.dice.between(1, self.mix.most_tabs as u64);
        for _ in 0..tabs {
            self.open();
        }
    }

    fn move_over(&mut self, fallback: Journal) {
        let at = ApplyAt::new(self.wall_ms, Session::since(self.journal.mark));
        // This is written to last.
        self.journal.undo.clear();
        let records = fallback.ended.into_iter();
        for record in records.chain(fallback.records.into_values()) {
            let key = record.charge().key.clone();
            let adopt = Op::Adopt { record };
            let applied = match self.journal.records.get(&key) {
                None if self.journal.lost.contains(&key) => adopt.apply_after_loss(at),
                current => adopt.apply(current.cloned(), at),
            };
            if let Some(record) = applied.record {
                self.note(|| format!("moved over: {}", trace::record(&record)));
                self.journal.records.insert(key, record);
            }
        }
        self.journal.lost.extend(fallback.lost);
    }
}
