//! The connection to the database: opened within a time limit and more than once, let go of for
//! those who want to change or delete the database, and made anew when it is needed again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::future::TimeoutFuture;
use indexed_db_futures::database::Database;
use indexed_db_futures::error::OpenDbError;
use indexed_db_futures::internals::SystemRepr as _;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::EventTarget;

use super::schema::{self, VERSION};
use super::{IndexedDb, identity, name_of, trouble};
use crate::browser::store::marker::Identity;
use crate::browser::store::{News, Trouble};
use crate::browser::time_limit::in_time;

/// WebKit has been seen to leave `open` hanging; so does an upgrade for which another tab does
/// not make way.
const OPEN_LIMIT_MS: u32 = 4_000;

/// How long after each error it is tried again, in milliseconds. After a crash of the browser the
/// database may be slow to come, and fail at first; a client that gives it up sees none of the
/// charges in it.
const TRY_AGAIN_AFTER_MS: [u32; 2] = [200, 800];

/// What there is of a connection.
#[derive(Debug, Default)]
pub struct State {
    open: Option<Open>,
    /// What is known of the database that was last connected to; `None` before the first.
    pub(super) identity: Option<Identity>,
    /// For good.
    closed: bool,
}

#[derive(Debug)]
struct Open {
    database: Database,
    _listeners: [EventListener; 2],
}

/// Why there is no connection.
enum Unopened {
    /// That may pass.
    Now(Trouble),
    /// It took too long, which has taken long enough for few tries.
    Late,
    /// That does not pass.
    Ever(Trouble),
}

impl IndexedDb {
    /// The connection; a new one where there is none.
    pub(super) async fn connect(&self, news: &mut Vec<News>) -> Result<Database, Trouble> {
        let mut pauses_ms = TRY_AGAIN_AFTER_MS.into_iter();
        let mut was_late = false;
        loop {
            if let Some(open) = self.usable()? {
                return Ok(open);
            }
            let trouble = match self.connect_anew(news).await {
                Ok(database) => return Ok(database),
                Err(Unopened::Ever(trouble)) => return Err(trouble),
                Err(Unopened::Late) if was_late => return Err(late()),
                Err(Unopened::Late) => {
                    was_late = true;
                    late()
                }
                Err(Unopened::Now(trouble)) => trouble,
            };
            match pauses_ms.next() {
                Some(pause_ms) => TimeoutFuture::new(pause_ms).await,
                None => return Err(trouble),
            }
        }
    }

    async fn connect_anew(&self, news: &mut Vec<News>) -> Result<Database, Unopened> {
        let database = open_in_time(&self.names.database()).await?;
        // From its first moment on it makes way for others.
        let listeners = self.listeners(&database);
        let identity = match identify(&database).await {
            Ok(identity) => identity,
            Err(unopened) => {
                database.close();
                return Err(unopened);
            }
        };
        // Another order of this tab's may have been first, or the client closed.
        match self.usable() {
            Ok(None) => {}
            Ok(Some(open)) => {
                database.close();
                return Ok(open);
            }
            Err(closed) => {
                database.close();
                return Err(Unopened::Ever(closed));
            }
        }
        let mut state = self.state.borrow_mut();
        let id = identity.id.clone();
        let before = state.identity.replace(identity);
        let before = before.and_then(|before| before.id);
        if before.is_some() && before != id {
            let detail = "the database was deleted".to_owned();
            let lost = Vec::new();
            news.push(News::Wiped { detail, lost });
        }
        state.open = Some(Open {
            _listeners: listeners,
            database: database.clone(),
        });
        Ok(database)
    }

    fn usable(&self) -> Result<Option<Database>, Trouble> {
        let state = self.state.borrow();
        match state.closed {
            true => Err(Trouble::Failed("the database is closed".to_owned())),
            false => Ok(state.open.as_ref().map(|open| open.database.clone())),
        }
    }

    /// `versionchange` asks to make way for an upgrade or a deletion; `close` tells that the
    /// browser has taken the database away.
    fn listeners(&self, database: &Database) -> [EventListener; 2] {
        let target: &EventTarget = database.as_sys();
        ["versionchange", "close"].map(|kind| {
            let (state, database) = (Rc::downgrade(&self.state), database.clone());
            EventListener::new(target, kind, move |_| {
                // It may not be in use yet.
                database.clone().close();
                if let Some(state) = state.upgrade() {
                    disconnect(&state);
                }
            })
        })
    }

    /// Forgets the connection, which is of no use any more.
    pub(super) fn disconnect(&self) {
        disconnect(&self.state);
    }

    /// Closes the connection for good, when what is under way has ended.
    pub fn close(&self) {
        self.state.borrow_mut().closed = true;
        disconnect(&self.state);
    }
}

fn disconnect(state: &Rc<RefCell<State>>) {
    let open = state.borrow_mut().open.take();
    if let Some(open) = open {
        // Transactions that have begun go on to their end.
        open.database.close();
        // Later than the listener that may have called this.
        spawn_local(async move { drop(open._listeners) });
    }
}

/// What comes too late is closed: nobody waits for it, and it would be in the way of others.
async fn open_in_time(name: &str) -> Result<Database, Unopened> {
    let opened = Rc::new(RefCell::new(None));
    let is_late = Rc::new(Cell::new(false));
    let ended = Promise::new(&mut |ended, _| {
        let (result, late) = (Rc::clone(&opened), Rc::clone(&is_late));
        let name = name.to_owned();
        // Not dropped when it is late: an upgrade has to go on to its end.
        spawn_local(async move {
            match open(&name).await {
                Ok(database) if late.get() => database.close(),
                other => *result.borrow_mut() = Some(other),
            }
            // Calling a promise's resolver can't fail.
            let _ = ended.call0(&JsValue::UNDEFINED);
        });
    });
    // The promise never rejects.
    drop(in_time(OPEN_LIMIT_MS, JsFuture::from(ended)).await);
    is_late.set(true);
    let result = opened.borrow_mut().take();
    match result {
        Some(Ok(database)) => Ok(database),
        Some(Err(error)) => Err(unopened(error)),
        None => Err(Unopened::Late),
    }
}

fn unopened(error: OpenDbError) -> Unopened {
    match error {
        OpenDbError::Base(error) => {
            let name = name_of(&error);
            let trouble = match trouble(error) {
                // Who comes while the database is being deleted may have better luck the next time.
                closed @ Trouble::Closed(_) => closed,
                other @ (Trouble::Unopenable(_)
                | Trouble::Late(_)
                | Trouble::Full(_)
                | Trouble::Failed(_)) => Trouble::Unopenable(other.into_detail()),
            };
            match name.as_str() {
                // It has a newer schema, or is not for this page.
                "VersionError" | "SecurityError" => Unopened::Ever(trouble),
                _ => Unopened::Now(trouble),
            }
        }
        // What this stands for is an `open` that throws, as in a sandbox.
        OpenDbError::VersionZero => Unopened::Ever(Trouble::Unopenable(
            "this page may not open IndexedDB".to_owned(),
        )),
        none @ (OpenDbError::UnsupportedEnvironment | OpenDbError::NullFactory) => {
            Unopened::Ever(Trouble::Unopenable(none.to_string()))
        }
    }
}

fn late() -> Trouble {
    Trouble::Unopenable("IndexedDB did not open in time".to_owned())
}

async fn open(name: &str) -> Result<Database, OpenDbError> {
    Database::open(name)
        .with_version(VERSION)
        .with_on_upgrade_needed(|event, database| {
            // Versions are small whole numbers.
            schema::upgrade(&database, event.old_version() as u32)
        })
        .await
}

/// What the database says of itself. Its name is made up when it is new, and `None` where that
/// can't be written.
async fn identify(database: &Database) -> Result<Identity, Unopened> {
    let known = match in_time(OPEN_LIMIT_MS, identity::read(database)).await {
        Some(Ok(known)) => known,
        Some(Err(error)) => return Err(Unopened::Now(trouble(error))),
        None => return Err(Unopened::Late),
    };
    if known.id.is_some() {
        return Ok(known);
    }
    // Without a name its loss may go unnoticed; without the database nothing would be durable.
    let named = in_time(OPEN_LIMIT_MS, identity::name(database)).await;
    Ok(Identity {
        id: named.and_then(Result::ok),
        ..known
    })
}
