//! Several servers on one database, and a crowd of clients that hold and charge.

use crate::crowd::isolated;
use crate::database::Database;
use crate::holding;
use crate::running::Running;

async fn hold_and_charge(isolation: &str) {
    let database = Database::new().await;
    isolated(&database, isolation).await;
    let place = database.place();
    let seed = holding::SEED.to_string();
    let flags = ["--demo", "--database", &place, "--seed-balance", &seed];
    let (one, two) = tokio::join!(Running::start(&flags), Running::start(&flags));
    let alice = one.site.sign_in("alice").await;
    let elsewhere = two.site.session(&alice.token);
    holding::hold_and_charge(&[alice, elsewhere]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_and_64_clients_never_hold_and_take_more_than_there_is() {
    hold_and_charge("read committed").await;
}

/// As in databases that know no other isolation.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_never_hold_and_take_more_than_there_is_where_all_is_serializable() {
    hold_and_charge("serializable").await;
}
