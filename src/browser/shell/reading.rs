//! Reading the journal for its user.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use js_sys::Function;
use wasm_bindgen::JsValue;

use super::{Shell, turn};
use crate::browser::store::{News, Scope, SetAside};
use crate::browser::value::to_js;
use crate::core::charge_filter::ChargeFilter;
use crate::core::json::{Json, ToJson};
use crate::core::record::Record;

/// How long after each try a journal that could not be read is read again, in milliseconds.
const READ_AGAIN_AFTER_MS: [u32; 3] = [50, 150, 450];

/// So many charges are handed over at a time, which is a matter of few milliseconds.
const PAGE: usize = 500;

/// One reading. A closing client waits for its end.
pub struct JournalReading {
    shell: Rc<Shell>,
}

/// What is read.
pub enum Asked {
    /// The charges that the filter asks for, newest first. The function is called with them as JSON, a
    /// page at a time, each in a task of its own. The journal is read, unless nothing has changed in
    /// it of which this client does not know; one that can't be read is read again before memory
    /// alone is believed.
    Charges(ChargeFilter, Function),
    /// What did not pass its check, oldest first; of the journal nothing, where it can't be read.
    SetAside,
}

/// What was read.
enum Found {
    Charges(Vec<Record>),
    SetAside(Vec<SetAside>),
}

impl JournalReading {
    /// Begins one.
    pub fn of(shell: &Rc<Shell>) -> JournalReading {
        shell.loads.set(shell.loads.get().saturating_add(1));
        JournalReading {
            shell: Rc::clone(shell),
        }
    }

    /// What was asked for, as the facade takes it; nothing where a function has taken it.
    pub async fn answer(self, asked: Asked) -> JsValue {
        let shell = &self.shell;
        let knows = matches!(asked, Asked::Charges(..)) && shell.engine.borrow().knows_journal();
        let found = match knows && shell.store.is_known().await {
            true => None,
            false => self.patiently(&asked).await,
        };
        match (asked, found) {
            (Asked::SetAside, found) => {
                let mut aside = match found {
                    Some(Found::SetAside(aside)) => aside,
                    Some(Found::Charges(_)) | None => Vec::new(),
                };
                aside.extend(shell.store.set_aside_locally());
                to_js(&aside)
            }
            (Asked::Charges(filter, take), found) => {
                let records = match found {
                    Some(Found::Charges(records)) => Some(records),
                    Some(Found::SetAside(_)) | None => None,
                };
                let charges = shell.engine.borrow().show_list(records, filter);
                for (n, page) in charges.chunks(PAGE).enumerate() {
                    if n > 0 {
                        turn::next().await;
                    }
                    let page = Json::List(page.iter().map(ToJson::to_json).collect());
                    // The facade's own, which throws nothing.
                    let _ = take.call1(&JsValue::UNDEFINED, &page.to_text().into());
                }
                JsValue::UNDEFINED
            }
        }
    }

    async fn patiently(&self, asked: &Asked) -> Option<Found> {
        let mut pauses_ms = READ_AGAIN_AFTER_MS.into_iter();
        loop {
            let mut news = Vec::new();
            let read = self.read(asked, &mut news).await;
            self.shell.report(news).await;
            match (read, pauses_ms.next()) {
                (Ok(read), _) => return Some(read),
                (Err(_), Some(pause_ms)) if self.shell.closing.borrow().is_empty() => {
                    TimeoutFuture::new(pause_ms).await;
                }
                (Err(_), Some(_) | None) => return None,
            }
        }
    }

    async fn read(&self, asked: &Asked, news: &mut Vec<News>) -> Result<Found, String> {
        let shell = &self.shell;
        let at = shell.apply_at();
        match asked {
            Asked::Charges(..) => {
                let records = shell.store.load(Scope::All, at, news).await;
                records.map(Found::Charges)
            }
            Asked::SetAside => shell.store.set_aside(at, news).await.map(Found::SetAside),
        }
    }
}

impl Drop for JournalReading {
    fn drop(&mut self) {
        let shell = &self.shell;
        shell.loads.set(shell.loads.get().saturating_sub(1));
        shell.tell_waiters();
    }
}
