//! Other tabs of the same account: what changed is announced on a BroadcastChannel, and whoever
//! hears of it reads the journal.

use gloo_events::EventListener;
use wasm_bindgen::JsCast as _;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::core::balance::Confirmed;
use crate::core::charge::Key;
use crate::core::engine::Running;
use crate::core::json::{FromJson, Json, ToJson};
use crate::core::session::Session;
use crate::core::snapshot::FlushProgress;

/// What tabs tell each other.
#[derive(Debug)]
pub enum PeerMessage {
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
        /// Whether the sender is on its way out, so that its work stands still.
        leaves: bool,
    },
    /// Who hears this is to tell what runs in it.
    AskTasks,
    /// The sender has a new token.
    Refreshed,
    /// The account has signed out, with this mark.
    SignedOut(u64),
    /// The tab of this name has heard of that, and sends nothing more.
    Left(String),
}

json_cases! { PeerMessage {
    Changed { keys, confirmed } = "changed",
    Flush(progress) = "flush",
    Tasks { tab, running, leaves } = "tasks",
    AskTasks = "ask_tasks",
    Refreshed = "refreshed",
    SignedOut(mark) = "signed_out",
    Left(tab) = "left",
} }

/// A message, and the session of the tab that sends it.
#[derive(Debug)]
pub struct Told {
    /// The mark of the sender's session.
    pub session: u64,
    /// The message.
    pub message: PeerMessage,
}

json_members! { to and from Told { session, message } }

/// The channel, and the ear on it. Without BroadcastChannel the slow tick has to do.
pub struct Peers {
    channel: Option<BroadcastChannel>,
    session: Session,
    _listener: Option<EventListener>,
}

impl Peers {
    /// Listens for the other tabs on the channel of this name.
    pub fn listen(name: &str, session: Session, receive: impl Fn(Told) + 'static) -> Peers {
        let channel = BroadcastChannel::new(name).ok();
        let listener = channel.as_ref().map(|channel| {
            EventListener::new(channel, "message", move |event| {
                let message = event.dyn_ref::<MessageEvent>();
                let text = message.and_then(|message| message.data().as_string());
                let json = text.as_deref().and_then(Json::parse);
                if let Some(message) = json.and_then(|json| Told::from_json(&json).ok()) {
                    receive(message);
                }
            })
        });
        Peers {
            channel,
            session,
            _listener: listener,
        }
    }

    /// Tells the other tabs.
    pub fn tell(&self, message: PeerMessage) {
        let told = Told {
            session: self.session.mark(),
            message,
        };
        if let Some(channel) = &self.channel {
            // A closed channel has nobody to tell.
            let _ = channel.post_message(&told.to_json().to_text().into());
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
