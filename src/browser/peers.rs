//! Other tabs of the same account: what changed is announced on a BroadcastChannel, and whoever
//! hears of it reads the journal.

use std::rc::Rc;

use gloo_events::EventListener;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast as _;
use web_sys::{BroadcastChannel, MessageEvent};

use super::shell::Shell;
use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::engine::{Event, Running};
use crate::core::snapshot::FlushProgress;

/// What tabs tell each other.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// Charges, or the balance, have changed.
    Changed {
        /// The changed charges.
        keys: Vec<Key>,
        /// What the sender knows of the balance.
        confirmed: Option<Confirmed>,
    },
    /// How far the sender's flush is; `None` when it is over.
    Flush(Option<FlushProgress>),
    /// What runs in the sender now.
    Tasks {
        /// The sender's name.
        tab: String,
        /// All of it.
        running: Vec<Running>,
    },
    /// Who hears this is to tell what runs in it.
    AskTasks,
    /// The sender has a new token.
    Refreshed,
}

/// The channel, and the ear on it. Without BroadcastChannel the slow tick has to do.
pub struct Peers {
    channel: Option<BroadcastChannel>,
    _listener: Option<EventListener>,
}

impl Peers {
    /// Listens for the other tabs of the shell's account.
    pub fn of(shell: &Rc<Shell>) -> Peers {
        let weak = Rc::downgrade(shell);
        Peers::new(&shell.names().channel(), move |message| {
            if let Some(shell) = weak.upgrade() {
                let event = match message {
                    Message::Changed { keys, confirmed } => Event::Peer { keys, confirmed },
                    Message::Flush(progress) => Event::PeerFlush(progress),
                    Message::Tasks { tab, running } => Event::PeerTasks { tab, running },
                    Message::AskTasks => Event::AskedTasks,
                    Message::Refreshed => return shell.refreshed_elsewhere(),
                };
                shell.dispatch(event);
            }
        })
    }

    fn new(name: &str, hear: impl Fn(Message) + 'static) -> Peers {
        let channel = BroadcastChannel::new(name).ok();
        let listener = channel.as_ref().map(|channel| {
            EventListener::new(channel, "message", move |event| {
                let message = event.dyn_ref::<MessageEvent>();
                let text = message.and_then(|message| message.data().as_string());
                let message = text.and_then(|text| serde_json::from_str(&text).ok());
                if let Some(message) = message {
                    hear(message);
                }
            })
        });
        Peers {
            channel,
            _listener: listener,
        }
    }

    /// Tells the other tabs.
    pub fn tell(&self, message: &Message) {
        if let (Some(channel), Ok(text)) = (&self.channel, serde_json::to_string(message)) {
            // A closed channel has nobody to tell.
            let _ = channel.post_message(&text.into());
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.close();
        }
    }
}
