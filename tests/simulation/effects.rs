//! Effects: carries out the orders of tabs.

use tollbox::core::engine::{Effect, Event, Notice};
use tollbox::core::journal::Op;
use tollbox::core::snapshot::BillingStatus;

use super::happening::Happening;
use super::tab::TabId;
use super::trace;
use super::world::World;

impl World {
    pub fn perform(&mut self, place: usize, effect: Effect) {
        let id = self.tabs[place].id;
        if let Some(line) = trace::effect(&self.trace, &effect) {
            self.note(|| format!("    tab{id} -> {line}"));
        }
        match effect {
            Effect::Journal { ops, relaxed } => {
                if std::mem::replace(&mut self.tabs[place].writing, true) {
                    self.violate("contract", format!("tab{id} has two journal orders open"));
                }
                // No browser freezes a page whose transaction is under way.
                self.tabs[place].frozen_until_ms = 0;
                let in_ms = match self.dice.chance(self.mix.slow_write) {
                    true => self.dice.skewed(&[100, 2_000, 10_000]),
                    false => self.dice.between(0, 4),
                };
                for op in &ops {
                    if let Op::Forget { key } = op {
                        // From now on the client does not know the charge.
                        self.books.forgotten.insert(key.clone());
                    }
                }
                let (tab, session) = (id, self.tabs[place].session);
                let commit = Happening::Commit {
                    tab,
                    session,
                    ops,
                    relaxed,
                };
                self.plan(in_ms, commit);
            }
            Effect::Load { all } => {
                let in_ms = self.dice.between(0, 5);
                self.plan(in_ms, Happening::Load { tab: id, all });
            }
            Effect::Send {
                send,
                request,
                refresh_token,
                time_limit_ms,
            } => self.send(place, send, request, refresh_token, time_limit_ms),
            Effect::AskLock => self.ask_lock(place),
            Effect::ReleaseLock => self.let_go_of_lock(id),
            Effect::Announce { keys, confirmed } => {
                for peer in self.all_live() {
                    if peer == id || self.dice.chance(self.mix.lose_announcement) {
                        continue;
                    }
                    let in_ms = self.announcement_ms();
                    let (keys, confirmed) = (keys.clone(), confirmed.clone());
                    let tab = peer;
                    self.plan(
                        in_ms,
                        Happening::Peer {
                            tab,
                            keys,
                            confirmed,
                        },
                    );
                }
            }
            // Only shown.
            Effect::AnnounceFlush(_) => {}
            Effect::AnnounceTasks(running) => {
                let name = format!("tab{id}");
                self.tell_of_tasks(place, &Event::PeerTasks { tab: name, running });
            }
            Effect::AskTasks => self.tell_of_tasks(place, &Event::AskedTasks),
            Effect::MarkSignOut => self.mark_sign_out(place),
            Effect::AnnounceLeft => self.announce_left(id),
            Effect::SaveBalance(confirmed) => {
                if let Some(confirmed) = &confirmed {
                    self.check_cached(id, confirmed);
                }
                if self.sees_sign_out(place) {
                    // The cache belongs to another session.
                    return;
                }
                let session = self.tabs[place].session;
                for peer in self.all_live() {
                    let Some(confirmed) = confirmed.clone() else {
                        break;
                    };
                    if peer == id || self.dice.chance(self.mix.lose_announcement) {
                        continue;
                    }
                    let in_ms = self.announcement_ms();
                    let tab = peer;
                    self.plan(in_ms, Happening::Cached { tab, confirmed });
                }
                self.cache
                    .push(confirmed.map(|confirmed| (session, confirmed)));
            }
            Effect::Resolve { call, answer } => self.answered(place, call, &answer),
            Effect::Notice(Notice::Charge(record)) => {
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
            Effect::Notice(Notice::Snapshot(snapshot)) => {
                // The snapshot comes before its single changes.
                self.tabs[place].shown = Some(*snapshot);
            }
            Effect::Notice(Notice::Alert(_)) => self.spend_alert(id),
            Effect::Notice(Notice::Network(network)) => self.check_network(place, network),
            Effect::Notice(
                Notice::Balance(_)
                | Notice::FlushProgress(_)
                | Notice::FlushReport(_)
                | Notice::Log(_),
            ) => {}
        }
    }

    /// Broadcasts in order, as a channel does; some tabs hear nothing.
    fn tell_of_tasks(&mut self, place: usize, event: &Event) {
        let id = self.tabs[place].id;
        for tab in self.all_live() {
            if tab == id {
                continue;
            }
            if self.dice.chance(self.mix.lose_announcement) {
                self.books.tasks_are_unsure(self.mono_ms);
                continue;
            }
            let in_ms = self.announcement_ms();
            let last_ms = self.tabs[place].task_news_ms.saturating_sub(self.mono_ms);
            let in_ms = in_ms.max(last_ms);
            self.tabs[place].task_news_ms = self.mono_ms + in_ms;
            let event = event.clone();
            self.plan(in_ms, Happening::Told { tab, event });
        }
    }

    pub fn announcement_ms(&mut self) -> u64 {
        match self.dice.chance(self.mix.slow_announcement) {
            true => self.dice.skewed(&[100, 5_000, 60_000]),
            false => self.dice.between(0, 3),
        }
    }

    pub fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Act => self.act(),
            Happening::SetBack { by_ms } => self.set_back(by_ms),
            Happening::Commit {
                tab,
                session,
                ops,
                relaxed,
            } => self.commit(tab, session, ops, relaxed),
            Happening::Mark { tab, session } => self.leave_mark(tab, session),
            Happening::Depart {
                tab,
                send,
                request,
                limit_at_ms,
            } => self.depart(tab, send, request, limit_at_ms),
            Happening::SignIn => self.sign_in_again(),
            Happening::Committed { tab, result, at_ms } => self.committed(tab, result, at_ms),
            Happening::Load { tab, all } => self.load(tab, all),
            Happening::Arrive { sending, heard } => self.arrive(&sending, heard),
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
            Happening::Lock { tab } => match self.place(tab) {
                Some(_) if self.lock == Some(tab) || self.mix.no_locks => {
                    self.tell(tab, Event::LockGranted);
                }
                Some(_) | None => {}
            },
            Happening::LockTimeout { tab, asked_ms } => {
                let place = self.place(tab);
                let same = place.is_some_and(|place| self.tabs[place].lock_asked_ms == asked_ms);
                if same && self.lock_queue.contains(&tab) {
                    self.lock_queue.retain(|waiting| *waiting != tab);
                    self.tell(tab, Event::LockRefused);
                }
            }
            Happening::Peer {
                tab,
                keys,
                confirmed,
            } => self.tell(tab, Event::Peer { keys, confirmed }),
            Happening::Cached { tab, confirmed } => self.tell(tab, Event::Cached(confirmed)),
            Happening::Told { tab, event } => self.tell(tab, event),
        }
    }

    fn ask_lock(&mut self, place: usize) {
        let (tab, asked_ms) = (self.tabs[place].id, self.mono_ms);
        if self.mix.no_locks {
            return self.plan(0, Happening::Lock { tab });
        }
        self.tabs[place].lock_asked_ms = asked_ms;
        self.lock_queue.push_back(tab);
        let patience_ms = self.mix.config.claim_ms();
        self.plan(patience_ms, Happening::LockTimeout { tab, asked_ms });
        self.grant_lock();
    }

    fn grant_lock(&mut self) {
        if self.lock.is_none()
            && let Some(tab) = self.lock_queue.pop_front()
        {
            self.lock = Some(tab);
            self.plan(1, Happening::Lock { tab });
        }
    }

    pub fn let_go_of_lock(&mut self, tab: TabId) {
        self.lock_queue.retain(|waiting| *waiting != tab);
        if self.lock == Some(tab) {
            self.lock = None;
        }
        self.grant_lock();
    }
}
