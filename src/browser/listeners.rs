//! The browser's events that wake a client: never one alone.

use std::rc::Rc;

use gloo_events::EventListener;
use wasm_bindgen::JsCast as _;
use web_sys::{PageTransitionEvent, StorageEvent, VisibilityState};

use super::balance_cache;
use super::shell::Shell;
use super::store::mark;
use crate::core::engine::Event;

/// Listens for as long as the result lives.
pub fn attach(shell: &Rc<Shell>) -> Vec<EventListener> {
    let Some(window) = web_sys::window() else {
        return Vec::new();
    };
    let mut listeners = vec![
        on(&window, "online", shell, |shell, _| {
            shell.dispatch(Event::Online(true))
        }),
        on(&window, "offline", shell, |shell, _| {
            shell.dispatch(Event::Online(false))
        }),
        on(&window, "pageshow", shell, |shell, event| {
            let restored = event.dyn_ref::<PageTransitionEvent>();
            if restored.is_some_and(PageTransitionEvent::persisted) {
                shell.shown_again();
            }
        }),
        // A lock kept into the back/forward cache blocks every other tab.
        on(&window, "pagehide", shell, |shell, _| shell.hidden()),
        on(&window, "storage", shell, |shell, event| {
            let Some(event) = event.dyn_ref::<StorageEvent>() else {
                return;
            };
            let key = event.key();
            if key.as_deref() == Some(&shell.names().balance()) {
                let text = event.new_value();
                if let Some(cached) = text.and_then(|text| balance_cache::parse(&text)) {
                    shell.cached(cached);
                }
            } else if key.as_deref() == Some(&shell.names().mark()) {
                let mark = mark::parse(event.new_value());
                shell.dispatch(Event::SignedOut { mark });
            }
        }),
    ];
    if let Some(document) = window.document() {
        // Page Lifecycle: the tab was frozen, and may have missed what others did.
        listeners.push(on(&document, "resume", shell, |shell, _| shell.woke()));
        let visible = document.clone();
        listeners.push(on(&document, "visibilitychange", shell, move |shell, _| {
            let is_visible = visible.visibility_state() == VisibilityState::Visible;
            if is_visible {
                shell.woke();
            }
            shell.dispatch(Event::Visible(is_visible));
        }));
    }
    listeners
}

/// Whether the user can see the page.
pub fn is_visible() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    document.is_none_or(|document| document.visibility_state() == VisibilityState::Visible)
}

/// What the browser says about the network; online where it says nothing.
pub fn is_online() -> bool {
    web_sys::window().is_none_or(|window| window.navigator().on_line())
}

fn on(
    target: &web_sys::EventTarget,
    kind: &'static str,
    shell: &Rc<Shell>,
    then: impl Fn(&Rc<Shell>, &web_sys::Event) + 'static,
) -> EventListener {
    let shell = Rc::downgrade(shell);
    EventListener::new(target, kind, move |event| {
        if let Some(shell) = shell.upgrade() {
            then(&shell, event);
        }
    })
}
