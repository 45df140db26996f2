//! The class that the facade wraps. Every method takes `&self`, and none is held across an await.

use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use super::clock::{now, random_u64};
use super::host::Host;
use super::http::Destination;
use super::listeners::is_online;
use super::mistake::in_options;
use super::names::Names;
use super::shell::{Asked, JournalReading, Parts, Shell};
use super::store::{Choice, JournalStore};
use super::value::to_js;
use crate::core::charge::{Charge, ChargeRequest, InvalidArgument, Key};
use crate::core::charge_filter::ChargeFilter;
use crate::core::config::{Config, Options};
use crate::core::engine::{CallId, CallRequest, Engine, Event, Setup};
use crate::core::journal::ApplyAt;
use crate::core::json::{FromJson, Json};
use crate::core::locale::Locale;
use crate::core::session::Session;

/// One client of one account.
#[wasm_bindgen]
pub struct Client {
    shell: Rc<Shell>,
}

/// A call that may be waited for no longer.
#[wasm_bindgen(getter_with_clone)]
pub struct Pending {
    /// Names the call, for `stopWaiting`.
    pub call: f64,
    /// The answer.
    pub answer: Promise,
}

/// Whose client it is, and how it reaches what it needs: what the facade has checked, as JSON.
struct Opening {
    /// Absolute, without a slash at the end.
    base_url: String,
    account: String,
    /// Names the billing server in storage.
    namespace: String,
    /// As for `fetch`.
    credentials: Option<String>,
}

json_members! { from Opening { base_url = "baseUrl", account, namespace, credentials } }

/// What the facade knows a task by.
struct Task<'a> {
    key: &'a str,
    identity: &'a str,
}

json_members! { to Task<'a> { key, identity } }

/// Where the journal is to be kept: of the options of the public API, what the core has no use for.
struct Placing {
    queue: Option<QueuePlacing>,
}

json_members! { from Placing { queue } }

#[derive(Default)]
struct QueuePlacing {
    storage: Option<String>,
}

json_members! { from QueuePlacing { storage } }

#[wasm_bindgen]
impl Client {
    /// Opens the journal, and resolves when it has been read, or could not be. `opening` and
    /// `options` are JSON. `session` is the mark with which the session began, where the client goes
    /// on after a death of the module.
    pub async fn open(
        opening: String,
        options: String,
        session: Option<f64>,
        host: Host,
    ) -> Result<Client, JsValue> {
        let Opening {
            base_url,
            account,
            namespace,
            credentials,
        } = parse_json(&opening)?;
        let config = parse_config(&options)?;
        let storage = parse_json::<Placing>(&options)?.queue.unwrap_or_default();
        let choice = storage_choice(storage.storage.as_deref());
        let choice = choice.map_err(|mistake| in_options(mistake, &options))?;
        let credentials = credentials_of(credentials.as_deref());
        let credentials = credentials.map_err(|mistake| in_options(mistake, &opening))?;
        let names = Names::new(&namespace, &account);
        let mut news = Vec::new();
        // What is taken over from another storage belongs to no session.
        let at = ApplyAt::new(now().wall_ms, Session::since(0));
        let store = JournalStore::open(&names, choice, at, &mut news).await;
        // A mark is a whole number of milliseconds.
        let session = session.map_or_else(|| store.sign_out_mark(), |mark| mark as u64);
        let session = Session::since(session);
        let tab = format!("{:016x}", random_u64());
        let setup = Setup {
            account,
            tab: tab.clone(),
            seed: random_u64(),
            storage: store.kind(),
            online: is_online(),
            earlier: store.earlier(),
            session,
        };
        let lock_patience_ms = config.claim_ms();
        let shell = Shell::start(Parts {
            engine: Engine::new(setup, config),
            store,
            news,
            host,
            destination: Destination {
                base_url,
                credentials,
                token_lock: names.token(),
            },
            names,
            session,
            tab,
            lock_patience_ms,
        })
        .await;
        // The promise never rejects.
        let _ = JsFuture::from(shell.recovered()).await;
        Ok(Client { shell })
    }

    /// How long a call may wait for its answer with these options, which are JSON; in milliseconds.
    #[wasm_bindgen(js_name = respondWithinMs)]
    pub fn respond_within_ms(options: &str) -> Result<f64, JsValue> {
        Ok(parse_config(options)?.respond_within_ms as f64)
    }

    /// The mark with which its session began: whoever goes on for it after a death belongs to that.
    pub fn session(&self) -> f64 {
        self.shell.session().mark() as f64
    }

    /// `charge(request)`.
    pub fn charge(&self, request: &str) -> Result<Pending, JsValue> {
        let charge = parse_request(request)?;
        Ok(self.pending(CallRequest::Charge(charge)))
    }

    /// Whether the work of a task may start: null, or the outcome that says why not. Resolves when
    /// that is known, and the server may have to be asked for the balance.
    #[wasm_bindgen(js_name = startTask)]
    pub fn start_task(&self, request: &str, running: bool) -> Result<Promise, JsValue> {
        let charge = parse_request(request)?;
        Ok(self.ask(CallRequest::StartTask { charge, running }))
    }

    /// A task ended without a charge.
    #[wasm_bindgen(js_name = endTask)]
    pub fn end_task(&self, key: &str) -> Result<(), JsValue> {
        let key = Key::new(key)?;
        self.shell.dispatch(Event::EndTask { key });
        Ok(())
    }

    /// The task of a request: its key, given or made, and its identity. Two calls are for one task
    /// where their identities are equal.
    #[wasm_bindgen(js_name = taskOf)]
    pub fn task_of(&self, request: &str) -> Result<JsValue, JsValue> {
        let charge = parse_request(request)?;
        Ok(to_js(&Task {
            key: charge.key.as_str(),
            identity: &charge.identity(),
        }))
    }

    /// `settled(key)`.
    pub fn settled(&self, key: &str) -> Result<Pending, JsValue> {
        let key = Key::new(key)?;
        Ok(self.pending(CallRequest::Settled(key)))
    }

    /// The caller of this call waits no longer.
    #[wasm_bindgen(js_name = stopWaiting)]
    pub fn stop_waiting(&self, call: f64) {
        let call = call as CallId;
        self.shell.dispatch(Event::StopWaiting { call });
    }

    /// `flush()`.
    pub fn flush(&self) -> Promise {
        self.ask(CallRequest::Flush)
    }

    /// `retry(key)`.
    pub fn retry(&self, key: &str) -> Result<Promise, JsValue> {
        let key = Key::new(key)?;
        Ok(self.ask(CallRequest::Retry(key)))
    }

    /// `cancel(key)`.
    pub fn cancel(&self, key: &str) -> Result<Promise, JsValue> {
        let key = Key::new(key)?;
        Ok(self.ask(CallRequest::Cancel(key)))
    }

    /// `getCharge(key)`.
    #[wasm_bindgen(js_name = getCharge)]
    pub fn get_charge(&self, key: &str) -> Result<Promise, JsValue> {
        let key = Key::new(key)?;
        Ok(self.ask(CallRequest::Show(key)))
    }

    /// `charges(filter)`, the filter as [`ChargeFilter`] has it: calls `take` with them, newest first,
    /// as JSON, of so many at a time: there may be very many.
    pub fn charges(&self, statuses: u32, limit: u32, take: Function) -> Promise {
        self.read(Asked::Charges(ChargeFilter { statuses, limit }, take))
    }

    /// `quarantined()`.
    pub fn quarantined(&self) -> Promise {
        self.read(Asked::SetAside)
    }

    /// `refreshBalance()`.
    #[wasm_bindgen(js_name = refreshBalance)]
    pub fn refresh_balance(&self, max_age_ms: Option<f64>) -> Promise {
        // A float becomes an integer by truncation and within its range.
        let max_age_ms = max_age_ms.map(|age| age as u64);
        self.ask(CallRequest::RefreshBalance { max_age_ms })
    }

    /// `setLocale(locale)`.
    #[wasm_bindgen(js_name = setLocale)]
    pub fn set_locale(&self, locale: &str) -> Result<(), JsValue> {
        self.shell.dispatch(Event::Locale(Locale::of(locale)?));
        Ok(())
    }

    /// `signOut()`.
    #[wasm_bindgen(js_name = signOut)]
    pub fn sign_out(&self) -> Promise {
        self.ask(CallRequest::SignOut)
    }

    /// Whether it can still work. Asked from outside of any call of it, false means that it has
    /// died without a word.
    #[wasm_bindgen(js_name = isWell)]
    pub fn is_well(&self) -> bool {
        self.shell.is_well()
    }

    /// `close()`.
    pub fn close(&self) -> Promise {
        self.shell.close()
    }

    fn read(&self, asked: Asked) -> Promise {
        let reading = JournalReading::of(&self.shell);
        future_to_promise(async move { Ok(reading.answer(asked).await) })
    }

    fn ask(&self, request: CallRequest) -> Promise {
        self.shell.ask(request).1
    }

    fn pending(&self, request: CallRequest) -> Pending {
        let (call, answer) = self.shell.ask(request);
        Pending {
            call: call as f64,
            answer,
        }
    }
}

fn parse_json<T: FromJson>(text: &str) -> Result<T, InvalidArgument> {
    let json = Json::parse(text).unwrap_or(Json::Null);
    T::from_json(&json).map_err(|misfit| {
        let wrong = InvalidArgument::new(format!("{misfit} must be of its declared type"));
        in_options(wrong, text)
    })
}

fn parse_config(options: &str) -> Result<Config, InvalidArgument> {
    let config = parse_json::<Options>(options)?.into_config();
    config.map_err(|mistake| in_options(mistake, options))
}

fn storage_choice(storage: Option<&str>) -> Result<Choice, InvalidArgument> {
    match storage {
        None | Some("auto") => Ok(Choice::Auto),
        Some("indexeddb") => Ok(Choice::IndexedDb),
        Some("localstorage") => Ok(Choice::LocalStorage),
        Some("memory") => Ok(Choice::Memory),
        Some(_) => Err(InvalidArgument::new(
            "queue.storage must be \"auto\", \"indexeddb\", \"localstorage\" or \"memory\"",
        )),
    }
}

fn credentials_of(
    credentials: Option<&str>,
) -> Result<Option<web_sys::RequestCredentials>, InvalidArgument> {
    match credentials {
        None => Ok(None),
        Some("omit") => Ok(Some(web_sys::RequestCredentials::Omit)),
        Some("same-origin") => Ok(Some(web_sys::RequestCredentials::SameOrigin)),
        Some("include") => Ok(Some(web_sys::RequestCredentials::Include)),
        Some(_) => Err(InvalidArgument::new(
            "credentials must be \"omit\", \"same-origin\" or \"include\"",
        )),
    }
}

fn parse_request(request: &str) -> Result<Charge, InvalidArgument> {
    parse_json::<ChargeRequest>(request)?.into_charge(now().wall_ms)
}
