//! The product's promises, checked at every effect and every word of a tab, and at the end. The
//! books are kept from outside: a check believes no client.
//!
//! 1. A thing that the user wants paid is charged at most once on the server, whatever key it is
//!    sent under.
//! 2. A charge answered `queued` or `unknown` with `durable: true` never disappears. A charge is in
//!    the journal before it is sent, and its receipt before it is told.
//! 3. Answers and notices are true.
//! 4. The balance is the ledger's at its version, less the open charges, and its version never goes
//!    back. Nothing is held twice.
//! 5. Calls are answered in time; once faults stop, everything settles.
//! 6. The counts add up, and nothing is held when nothing is open.
//! 7. Probes are sent only in an outage, and not many; nothing before `Retry-After` but at the
//!    user's insistence. Requests a minute and alerts an hour stay within the budget of user
//!    actions and open charges. Only attempts that had their chance are counted. Requests about holds
//!    leave the browser's connections to the others, but for two a tab.
//! 8. No user pays for another: once a sign-out is answered, nothing leaves for the account before
//!    it signs in again.

mod balance;
mod books;
mod end;
mod patience;
pub mod requests;
mod truth;

pub use books::{Asked, Books};
pub use patience::{Budget, NEW_CHARGE};
