//! A tab's connection to its server, as seen from outside.

use super::world::server::ACCOUNT;

#[derive(Clone, Copy)]
pub struct Connection {
    pub token: u64,
    /// The user of the token.
    pub user: &'static str,
    /// Whether the server itself has answered nothing since a request was lost.
    pub unheard: bool,
    /// Whether the server itself has ever answered it.
    pub has_heard: bool,
    /// The age of the last cached answer that it heard, in milliseconds.
    pub cached_ms: u64,
}

impl Connection {
    pub fn new(token: u64) -> Connection {
        Connection {
            token,
            user: ACCOUNT,
            unheard: false,
            has_heard: false,
            cached_ms: 0,
        }
    }

    /// The user signed in has this token now.
    pub fn sign_in(&mut self, user: &'static str, token: u64) {
        if self.user != user {
            (self.user, self.token) = (user, token);
        }
    }
}
