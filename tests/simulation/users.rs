//! The users of this browser, one after another.

use super::World;
use super::chance::Own;
use super::world::Happening;
use super::world::server::ACCOUNT;
use super::world::sign_out::NEXT_USER;

/// The longest stays of the next user.
const STAYS_MS: [u64; 3] = [2_000, 60_000, 600_000];

impl World {
    /// Notes that the caller of `signOut` has been answered.
    pub fn signed_out(&mut self) {
        if self.driver.calm_since_ms.is_some() || self.anybody_works() {
            // Tabs opened since belong to a session that goes on, and so do all tabs if the mark
            // could not be written.
            return;
        }
        if self.driver.dice.chance(700) {
            self.change_user();
        }
    }

    /// Makes the token another user's, whatever clients are open.
    pub fn change_user(&mut self) {
        if self.driver.user_name != ACCOUNT {
            return;
        }
        self.driver.user_name = NEXT_USER;
        self.driver.backend.token += 1;
        let stays_ms = self.driver.dice.skewed(&STAYS_MS);
        self.note(|| format!("{NEXT_USER} signs in for {stays_ms} ms"));
        self.plan(stays_ms, Happening::Own(Own::SignIn));
    }

    pub fn sign_in_again(&mut self) {
        if self.driver.user_name != ACCOUNT {
            self.note(|| format!("{ACCOUNT} signs in"));
            self.driver.user_name = ACCOUNT;
            self.driver.backend.token += 1;
        }
    }
}
