//! What the facade gives the shell: the user's code, wrapped so that it can't hurt.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The facade's side of one client.
    pub type Host;

    /// Asks the user for a token; resolves with a string or null. After `limit_ms` nobody waits for
    /// it any more. A refresh is made under the Web Lock of this name.
    #[wasm_bindgen(method, catch)]
    pub fn token(this: &Host, refresh: bool, limit_ms: f64, lock: &str)
    -> Result<JsValue, JsValue>;

    /// The server has rejected this token.
    #[wasm_bindgen(method)]
    pub fn rejected(this: &Host, token: &str);

    /// This token came late in a request that was lost: the next one is to use it.
    #[wasm_bindgen(method, js_name = keepToken)]
    pub fn keep_token(this: &Host, token: &str);

    /// Another tab has refreshed the token.
    #[wasm_bindgen(method, js_name = refreshedElsewhere)]
    pub fn refreshed_elsewhere(this: &Host);

    /// Whether the user brings a transport.
    #[wasm_bindgen(method, getter, js_name = hasTransport)]
    pub fn has_transport(this: &Host) -> bool;

    /// Sends through the user's transport.
    #[wasm_bindgen(method, catch)]
    pub fn transport(this: &Host, request: &JsValue) -> Result<JsValue, JsValue>;

    /// Takes a notice for the user's listeners, of a snapshot as JSON; never throws.
    #[wasm_bindgen(method)]
    pub fn notice(this: &Host, kind: &str, subject: JsValue);

    /// Takes a snapshot, as JSON, that may be shown before the journal has been read, and the mark
    /// with which the session began.
    #[wasm_bindgen(method, js_name = showAhead)]
    pub fn show_ahead(this: &Host, snapshot: &str, session: f64);

    /// As `notice`, of charges whose records have changed: an array of them, as JSON, or of their
    /// outlines where `hearsCharges` is false. There may be very many, and mostly nobody listens.
    #[wasm_bindgen(method)]
    pub fn charges(this: &Host, records: &str);

    /// Whether anybody listens to changes of charges.
    #[wasm_bindgen(method, getter, js_name = hearsCharges)]
    pub fn hears_charges(this: &Host) -> bool;

    /// Whether lines of this level are logged.
    #[wasm_bindgen(method)]
    pub fn logs(this: &Host, level: &str) -> bool;

    /// Asks for the Web Lock of this name, and waits for it for at most `patience_ms`.
    #[wasm_bindgen(method)]
    pub fn lock(this: &Host, name: &str, patience_ms: u32) -> Hold;

    /// A Web Lock that is held or waited for.
    #[derive(Debug)]
    pub type Hold;

    /// Resolves with whether the lock was granted; never rejects.
    #[wasm_bindgen(method, getter)]
    pub fn granted(this: &Hold) -> js_sys::Promise;

    /// Lets go of it, or stops waiting for it.
    #[wasm_bindgen(method, js_name = letGo)]
    pub fn let_go(this: &Hold);
}
