//! Faults of the storage: of single records, and of the database as a whole.

use tollbox::core::charge::Key;

use super::World;
use super::world::{TabId, trace};

impl World {
    /// Damages one record; not in the fallback, where the database's old record of the same charge
    /// would be all that is left.
    pub fn damage_a_record(&mut self, tab: TabId) {
        let keys: Vec<Key> = self.journal.records.keys().cloned().collect();
        if keys.is_empty() || self.driver.database.is_some() {
            return;
        }
        let key = keys[self.driver.dice.index(keys.len())].clone();
        if let Some(record) = self.damage(key) {
            let charge = record.charge();
            self.driver.user.doubted = Some((charge.task_id.clone(), charge.amount.get()));
        }
        // The tab that knew of it may be gone when the damage is found.
        if let Some(place) = self.place(tab)
            && self.driver.dice.chance(700)
        {
            self.kill(place);
            self.open();
        }
    }

    /// Restarts the browser without the database; or with it again, and the fallback's charges move
    /// over.
    pub fn lose_or_regain_database(&mut self) {
        while let Some(place) = self.tabs.len().checked_sub(1) {
            self.kill(place);
        }
        // Their pending writes are in neither storage.
        self.orphans.clear();
        // Both storages have the mark of the last sign-out.
        let mark = self.journal.mark;
        match self.driver.database.take() {
            None => {
                self.note(|| "the DATABASE can't be opened".to_owned());
                self.driver.database = Some(std::mem::take(&mut self.journal));
            }
            Some(database) => {
                self.note(|| "the DATABASE is there again".to_owned());
                let fallback = std::mem::replace(&mut self.journal, database);
                self.move_over(fallback);
            }
        }
        self.journal.mark = mark;
        self.journal.lagging_mark = mark;
        let tabs = self
            .driver
            .dice
            .between(1, self.driver.mix.most_tabs as u64);
        for _ in 0..tabs {
            self.open();
        }
    }

    /// The browser has died: writes that were not forced to the disk may be undone.
    pub fn lose_relaxed_writes(&mut self) {
        if self.driver.dice.chance(500) {
            self.journal.changes = self.journal.lasting_changes;
            for (key, before) in std::mem::take(&mut self.journal.undo).into_iter().rev() {
                let line = before.as_ref().map(trace::record);
                self.note(|| format!("{key} is as it was: {line:?}"));
                if let Some(record) = before {
                    if record.receipt().is_some() {
                        self.books.forgotten.remove(&key);
                    }
                    self.journal.records.insert(key, record);
                } else {
                    self.journal.records.remove(&key);
                }
            }
        }
    }
}
