use std::collections::BTreeMap;

use tollbox::core::charge::{ChargeRequest, Key};
use tollbox::core::clock::Now;
use tollbox::core::config::Config;
use tollbox::core::engine::{CallRequest, Earlier, Effect, Engine, Event, SendId, Setup};
use tollbox::core::journal::{Applied, ApplyAt, Op, Write};
use tollbox::core::protocol::Request;
use tollbox::core::record::Record;
use tollbox::core::session::Session;
use tollbox::core::snapshot::StorageKind;

/// A page with its client, alone in its browser. Its storage answers at once.
pub struct Client {
    /// Its name among the tabs.
    tab: String,
    /// The time for which its timer is set.
    pub timer_ms: Option<u64>,
    engine: Engine,
    journal: BTreeMap<Key, Record>,
    /// Requests that it waits for.
    waiting: Vec<SendId>,
    calls: u64,
}

/// A request that leaves.
pub struct Sending {
    pub send: SendId,
    pub request: Request,
    pub limit_ms: u64,
}

/// What came of an event.
#[derive(Default)]
pub struct Doings {
    pub sendings: Vec<Sending>,
    /// Charges that the journal has settled.
    pub settled: u64,
}

impl Client {
    pub fn new(number: usize, config: Config) -> Client {
        let tab = format!("tab-{number}");
        let setup = Setup {
            account: account_of(number),
            tab: tab.clone(),
            seed: number as u64,
            storage: StorageKind::IndexedDb,
            online: true,
            earlier: Earlier::default(),
            session: Session::since(0),
        };
        Client {
            tab,
            timer_ms: None,
            engine: Engine::new(setup, config),
            journal: BTreeMap::new(),
            waiting: Vec::new(),
            calls: 0,
        }
    }

    /// Its user has something translated, and charged.
    pub fn charge(&mut self, now: Now) -> Doings {
        self.calls += 1;
        let request = ChargeRequest {
            task_id: format!("task-{}", self.calls),
            amount: 1.0,
            feature: "cloud_trans".to_owned(),
            ..ChargeRequest::default()
        };
        let charge = request.into_charge(now.wall_ms).unwrap();
        let request = CallRequest::Charge(charge);
        let id = self.calls;
        self.told(now, Event::Call { id, request })
    }

    /// The timer is due.
    pub fn tick(&mut self, now: Now) -> Doings {
        self.told(now, Event::Tick)
    }

    /// Hears what became of a request, unless it no longer waits for it.
    pub fn hears(&mut self, now: Now, send: SendId, event: Event) -> Doings {
        let Some(place) = self.waiting.iter().position(|waiting| *waiting == send) else {
            return Doings::default();
        };
        self.waiting.swap_remove(place);
        self.told(now, event)
    }

    pub fn told(&mut self, now: Now, event: Event) -> Doings {
        self.engine.handle(now, event);
        self.drain(now)
    }

    /// Carries its orders out.
    pub fn drain(&mut self, now: Now) -> Doings {
        let mut doings = Doings::default();
        while let Some(effect) = self.engine.poll() {
            match effect {
                Effect::Journal { ops, .. } => {
                    let applied = ops.iter().map(|op| self.apply(op, now, &mut doings));
                    let applied = applied.collect();
                    self.engine.handle(now, Event::Journaled(Ok(applied)));
                }
                Effect::Load { .. } => {
                    let alive = vec![self.tab.clone()];
                    self.engine.handle(now, Event::Alive(alive));
                    let records = self.journal.values().cloned().collect();
                    self.engine.handle(now, Event::Loaded(Ok(records)));
                }
                Effect::AskLock => self.engine.handle(now, Event::LockGranted),
                Effect::Send {
                    send,
                    request,
                    time_limit_ms,
                    ..
                } => {
                    self.waiting.push(send);
                    doings.sendings.push(Sending {
                        send,
                        request,
                        limit_ms: time_limit_ms,
                    });
                }
                // Nobody else is there to hear of it.
                Effect::ReleaseLock
                | Effect::Announce { .. }
                | Effect::AnnounceFlush(_)
                | Effect::AnnounceTasks { .. }
                | Effect::AskTasks
                | Effect::MarkSignOut
                | Effect::AnnounceLeft
                | Effect::SaveBalance(_)
                | Effect::Resolve { .. }
                | Effect::Notice(_) => {}
            }
        }
        doings
    }

    fn apply(&mut self, op: &Op, now: Now, doings: &mut Doings) -> Applied {
        let before = self.journal.get(op.key()).cloned();
        let was_held = before.as_ref().is_some_and(Record::is_held);
        let applied = op.apply(before, ApplyAt::new(now.wall_ms, Session::since(0)));
        match (applied.write, &applied.record) {
            (Write::Put, Some(record)) => {
                doings.settled += u64::from(was_held && !record.is_held());
                self.journal.insert(op.key().clone(), record.clone());
            }
            (Write::Delete, _) => drop(self.journal.remove(op.key())),
            (Write::Put, None) | (Write::Keep, _) => {}
        }
        applied
    }

    /// When it wants to be woken, if nothing happens.
    pub fn deadline(&self) -> Option<u64> {
        self.engine.deadline()
    }
}

/// The account of the client of this number.
pub fn account_of(number: usize) -> String {
    format!("account-{number}")
}
