//! Reading the journal for its user.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;

use super::Shell;
use crate::browser::store::{News, Scope, SetAside};
use crate::core::snapshot::ChargeRecord;

/// How long after each try a journal that could not be read is read again, in milliseconds.
const READ_AGAIN_AFTER_MS: [u32; 3] = [50, 150, 450];

/// One reading. A closing client waits for its end.
pub struct JournalReading {
    shell: Rc<Shell>,
}

impl JournalReading {
    /// Begins one.
    pub fn of(shell: &Rc<Shell>) -> JournalReading {
        shell.loads.set(shell.loads.get().saturating_add(1));
        JournalReading {
            shell: Rc::clone(shell),
        }
    }

    /// All charges that are known, newest first. The journal is read, unless nothing has changed in
    /// it of which this client does not know; one that can't be read is read again before memory
    /// alone is believed.
    pub async fn records(&self) -> Vec<ChargeRecord> {
        let shell = &self.shell;
        let knows = shell.engine.borrow().knows_journal();
        if knows && shell.store.is_known().await {
            return shell.engine.borrow().show_all(None);
        }
        let read = async |news: &mut Vec<News>| {
            let at = shell.apply_at();
            shell.store.load(Scope::All, at, news).await
        };
        let records = self.patiently(read).await;
        shell.engine.borrow().show_all(records)
    }

    /// What did not pass its check, oldest first; of the journal nothing, where it can't be read.
    pub async fn set_aside(&self) -> Vec<SetAside> {
        let shell = &self.shell;
        let read = async |news: &mut Vec<News>| shell.store.set_aside(shell.apply_at(), news).await;
        let mut aside = self.patiently(read).await.unwrap_or_default();
        aside.extend(shell.store.set_aside_locally());
        aside
    }

    async fn patiently<T>(
        &self,
        read: impl AsyncFn(&mut Vec<News>) -> Result<T, String>,
    ) -> Option<T> {
        let mut pauses_ms = READ_AGAIN_AFTER_MS.into_iter();
        loop {
            let mut news = Vec::new();
            let read = read(&mut news).await;
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
}

impl Drop for JournalReading {
    fn drop(&mut self) {
        let shell = &self.shell;
        shell.loads.set(shell.loads.get().saturating_sub(1));
        shell.tell_waiters();
    }
}
