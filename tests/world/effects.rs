//! Effects: carries out the orders of tabs. Happenings: does what is due.

use tollbox::core::engine::{Effect, Event, Notice};
use tollbox::core::snapshot::BillingStatus;

use super::driver::Driver;
use super::happening::Happening;
use super::tab::TabId;
use super::{World, trace};

impl<D: Driver> World<D> {
    pub fn perform(&mut self, place: usize, effect: Effect) {
        let id = self.tabs[place].id;
        if let Some(line) = trace::effect(&self.trace, &effect) {
            self.note(|| format!("    tab{id} -> {line}"));
        }
        match effect {
            Effect::Journal { ops, relaxed } => self.order_write(place, ops, relaxed),
            Effect::Load { all } => self.order_load(id, all),
            Effect::Send {
                send,
                request,
                refresh_token,
                time_limit_ms,
            } => self.order_send(place, send, request, refresh_token, time_limit_ms),
            Effect::AskLock => self.ask_lock(place),
            Effect::ReleaseLock => self.let_go_of_lock(id),
            Effect::Announce { keys, confirmed } => {
                self.tell_others(id, &Event::Peer { keys, confirmed });
            }
            Effect::AnnounceFlush(flush) => {
                if D::FLUSHES_ARE_HEARD {
                    self.tell_others(id, &Event::PeerFlush(flush));
                }
            }
            Effect::AnnounceTasks { running, leaves } => {
                self.counts.tasks_told += running.len() as u64;
                let tab = self.tabs[place].name();
                let told = Event::PeerTasks {
                    tab,
                    running,
                    leaves,
                };
                self.tell_of_tasks(place, &told);
            }
            Effect::AskTasks => self.tell_of_tasks(place, &Event::AskedTasks),
            Effect::MarkSignOut => self.mark_sign_out(place),
            Effect::AnnounceLeft => {
                let tab = self.tabs[place].name();
                self.tell_others(id, &Event::PeerLeft { tab });
            }
            Effect::SaveBalance(confirmed) => {
                if let Some(confirmed) = &confirmed {
                    self.check_cached(id, confirmed);
                }
                if self.sees_sign_out(place) {
                    // The cache belongs to another session.
                    return;
                }
                if let Some(confirmed) = confirmed.clone() {
                    // As a `storage` event does.
                    self.tell_others(id, &Event::Cached(confirmed));
                }
                self.cache.write(self.tabs[place].session, confirmed);
            }
            Effect::Resolve { call, answer } => {
                self.answered(place, call, &answer);
                D::resolved(self, call, answer);
            }
            Effect::Notice(notice) => self.notice(place, notice),
        }
    }

    fn notice(&mut self, place: usize, notice: Notice) {
        let id = self.tabs[place].id;
        D::noticed(self, id, &notice);
        match notice {
            Notice::Charge(record) => {
                let gone = !self.journal.records.contains_key(&record.key)
                    || self.books.wiped.contains(&record.key)
                    || self.books.damaged.contains(&record.key);
                match record.status {
                    // A record that has vanished from the journal is told once, and holds nothing.
                    BillingStatus::Unknown if gone => self.tabs[place].unsee(&record.key),
                    _ => self.tabs[place].sees(&record),
                }
                self.check_told(place, &record);
            }
            Notice::Snapshot(snapshot) => {
                // The snapshot comes before its single changes.
                self.tabs[place].shown = Some(*snapshot);
            }
            Notice::Alert(_) => self.spend_alert(id),
            Notice::Network(network) => D::shows_network(self, place, network),
            Notice::Balance(_)
            | Notice::FlushProgress(_)
            | Notice::FlushReport(_)
            | Notice::Log(_) => {}
        }
    }

    /// Announces something to all other tabs, some of which may never hear of it.
    pub fn tell_others(&mut self, from: TabId, event: &Event) {
        for tab in self.all_live() {
            if tab != from
                && let Some(in_ms) = self.driver.announcement_ms()
            {
                let event = event.clone();
                self.plan(in_ms, Happening::Told { tab, event });
            }
        }
    }

    /// Announces tasks in order, as a channel does.
    fn tell_of_tasks(&mut self, place: usize, event: &Event) {
        let id = self.tabs[place].id;
        for tab in self.all_live() {
            if tab == id {
                continue;
            }
            let Some(in_ms) = self.driver.announcement_ms() else {
                self.books.tasks_are_unsure(self.now.mono_ms);
                continue;
            };
            let last_ms = self.tabs[place].task_news_ms;
            let in_ms = in_ms.max(last_ms.saturating_sub(self.now.mono_ms));
            self.tabs[place].task_news_ms = self.now.mono_ms + in_ms;
            let event = event.clone();
            self.plan(in_ms, Happening::Told { tab, event });
        }
    }

    pub fn happen(&mut self, happening: Happening<D::Own>) {
        match happening {
            Happening::Commit {
                tab,
                session,
                ops,
                relaxed,
            } => self.commit(tab, session, &ops, relaxed),
            Happening::Committed { tab, result, at_ms } => self.committed(tab, result, at_ms),
            Happening::Load { tab, all } => self.load(tab, all),
            Happening::LoadRest {
                tab,
                all,
                changes,
                records,
            } => self.load_rest(tab, all, changes, records),
            Happening::Mark { tab, session } => self.leave_mark(tab, session),
            Happening::Depart { sending } => D::depart(self, sending),
            Happening::Arrive { sending, heard } => D::arrive(self, &sending, heard),
            Happening::Answer {
                tab,
                send,
                response,
            } => self.deliver_answer(tab, send, response),
            Happening::Lost {
                tab,
                send,
                timed_out,
            } => self.deliver_loss(tab, send, timed_out),
            Happening::NotSent { tab, send, why } => self.deliver_not_sent(tab, send, why),
            Happening::TurnEnds { tab } => self.drain_but(tab, None),
            Happening::Lock { tab } => {
                if self.lock.holder == Some(tab) || !self.driver.has_lock() {
                    self.tell(tab, Event::LockGranted);
                }
            }
            Happening::LockTimeout { tab, asked_ms } => {
                let place = self.place(tab);
                let same = place.is_some_and(|place| self.tabs[place].lock_asked_ms == asked_ms);
                if same && self.lock.is_awaited_by(tab) {
                    self.lock.give_up(tab);
                    self.tell(tab, Event::LockTimedOut);
                }
            }
            Happening::Told { tab, event } => self.tell(tab, event),
            Happening::Own(own) => D::happen(self, own),
        }
    }

    fn ask_lock(&mut self, place: usize) {
        let (tab, asked_ms) = (self.tabs[place].id, self.now.mono_ms);
        if !self.driver.has_lock() {
            return self.plan(0, Happening::Lock { tab });
        }
        self.tabs[place].lock_asked_ms = asked_ms;
        self.lock.ask(tab);
        let patience_ms = self.config.claim_ms();
        self.plan(patience_ms, Happening::LockTimeout { tab, asked_ms });
        self.grant_lock();
    }

    fn grant_lock(&mut self) {
        if let Some(tab) = self.lock.grant() {
            self.plan(1, Happening::Lock { tab });
        }
    }

    pub fn let_go_of_lock(&mut self, tab: TabId) {
        self.lock.let_go(tab);
        self.grant_lock();
    }
}
