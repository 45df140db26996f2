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
use crate::core::session::Session;
use crate::core::snapshot::FlushProgress;

/// What tabs tell each other.
#[derive(Debug, Serialize, Deserialize)]
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

/// A message, and the session of the tab that sends it.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    session: u64,
    message: PeerMessage,
}

/// The channel, and the ear on it. Without BroadcastChannel the slow tick has to do.
pub struct Peers {
    channel: Option<BroadcastChannel>,
    session: Session,
    _listener: Option<EventListener>,
}

impl Peers {
    /// Listens for the other tabs of the shell's account.
    pub fn of(shell: &Rc<Shell>) -> Peers {
        let weak = Rc::downgrade(shell);
        Peers::new(&shell.names().channel(), shell.session(), move |told| {
            if let Some(shell) = weak.upgrade() {
                receive(&shell, told);
            }
        })
    }

    fn new(name: &str, session: Session, receive: impl Fn(Told) + 'static) -> Peers {
        let channel = BroadcastChannel::new(name).ok();
        let listener = channel.as_ref().map(|channel| {
            EventListener::new(channel, "message", move |event| {
                let message = event.dyn_ref::<MessageEvent>();
                let text = message.and_then(|message| message.data().as_string());
                let message = text.and_then(|text| serde_json::from_str(&text).ok());
                if let Some(message) = message {
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
        if let (Some(channel), Ok(text)) = (&self.channel, serde_json::to_string(&told)) {
            // A closed channel has nobody to tell.
            let _ = channel.post_message(&text.into());
        }
    }
}

/// What a tab of a session that is over tells of balances and tasks is none of this one's, nor what a
/// later one tells any of an earlier one's. Each sees to it that the other knows.
fn receive(shell: &Rc<Shell>, Told { session, message }: Told) {
    let ours = shell.session().mark();
    let same = session == ours;
    if session > ours {
        shell.dispatch(Event::SignedOut { mark: session });
    } else if session < ours && !matches!(message, PeerMessage::Left(_)) {
        shell.tell_peers(PeerMessage::SignedOut(ours));
    }
    shell.dispatch(match message {
        PeerMessage::Changed { keys, confirmed } => Event::Peer {
            keys,
            confirmed: confirmed.filter(|_| same),
        },
        PeerMessage::SignedOut(mark) => Event::SignedOut { mark },
        PeerMessage::Left(tab) => Event::PeerLeft { tab },
        PeerMessage::Flush(_)
        | PeerMessage::Tasks { .. }
        | PeerMessage::AskTasks
        | PeerMessage::Refreshed
            if !same =>
        {
            return;
        }
        PeerMessage::Refreshed => return shell.refreshed_elsewhere(),
        PeerMessage::Flush(progress) => Event::PeerFlush(progress),
        PeerMessage::Tasks { tab, running } => Event::PeerTasks { tab, running },
        PeerMessage::AskTasks => Event::AskedTasks,
    });
}

impl Drop for Peers {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.close();
        }
    }
}
