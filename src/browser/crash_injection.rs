//! Injected crashes: where the feature `deaths` is on, a test may have the module die in the middle
//! of its work, as a panic, a trap or a foreign exception would end it. Otherwise this is nothing.

/// Where the module may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "deaths"), expect(dead_code, reason = "for tests"))]
pub enum DeathPlace {
    /// In a call, before the engine has heard of it.
    Call,
    /// While the engine is borrowed.
    Borrow,
    /// While effects are carried out.
    Drain,
    /// In a timer.
    Timer,
    /// Where a promise goes on.
    Promise,
}

/// Dies here, if that has been ordered; true where it is to stop without a word.
#[cfg(not(feature = "deaths"))]
pub fn chance(_place: DeathPlace) -> bool {
    false
}

#[cfg(feature = "deaths")]
pub use ordered::chance;

#[cfg(feature = "deaths")]
mod ordered {
    use std::cell::Cell;

    use gloo_timers::callback::Timeout;
    use js_sys::Promise;
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_futures::{JsFuture, spawn_local};

    use super::DeathPlace;

    /// How it dies.
    #[derive(Clone, Copy, Debug)]
    enum Way {
        Panic,
        Trap,
        /// An exception passes through, and nothing is cleaned up.
        Exception,
        /// It stops in the middle, and nobody hears of it.
        Silence,
    }

    thread_local! {
        static ORDERED: Cell<Option<(DeathPlace, Way)>> = const { Cell::new(None) };
    }

    /// Orders one death; what is no place or no way is refused.
    #[wasm_bindgen]
    pub fn die(place: &str, way: &str) -> Result<(), JsValue> {
        let place = match place {
            "call" => DeathPlace::Call,
            "borrow" => DeathPlace::Borrow,
            "drain" => DeathPlace::Drain,
            "timer" => DeathPlace::Timer,
            "promise" => DeathPlace::Promise,
            _ => return Err("no such place".into()),
        };
        let way = match way {
            "panic" => Way::Panic,
            "trap" => Way::Trap,
            "exception" => Way::Exception,
            "silence" => Way::Silence,
            _ => return Err("no such way".into()),
        };
        ORDERED.set(Some((place, way)));
        match place {
            DeathPlace::Call | DeathPlace::Borrow | DeathPlace::Drain => {}
            DeathPlace::Timer => {
                let timer = Timeout::new(0, || {
                    chance(DeathPlace::Timer);
                });
                let _ = timer.forget();
            }
            DeathPlace::Promise => spawn_local(async {
                let soon = Promise::resolve(&JsValue::UNDEFINED);
                // The promise never rejects.
                let _ = JsFuture::from(soon).await;
                chance(DeathPlace::Promise);
            }),
        }
        Ok(())
    }

    /// Dies here, if that has been ordered; true where it is to stop without a word.
    #[expect(clippy::panic, reason = "that is what it is for")]
    pub fn chance(place: DeathPlace) -> bool {
        let Some((ordered, way)) = ORDERED.get() else {
            return false;
        };
        if ordered != place {
            return false;
        }
        ORDERED.set(None);
        match way {
            Way::Silence => true,
            Way::Panic => panic!("a death on order"),
            Way::Trap => core::arch::wasm32::unreachable(),
            Way::Exception => wasm_bindgen::throw_str("an exception on order"),
        }
    }
}
