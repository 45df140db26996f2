//! The browser's events that wake a client: never one alone.

use std::rc::Rc;

use gloo_events::EventListener;
use wasm_bindgen::JsCast as _;
use web_sys::{EventTarget, PageTransitionEvent, StorageEvent, VisibilityState};

use super::balance_cache::{self, Cached};
use super::names::Names;
use super::store::mark;

/// What has happened to the page.
#[derive(Debug)]
pub enum PageEvent {
    /// Whether the browser reports a network.
    Online(bool),
    /// It is back from the back/forward cache.
    ShownAgain,
    /// It may be on its way there. A lock kept into that cache blocks every other tab.
    Hidden,
    /// It was frozen, and may have missed what others did (Page Lifecycle, `resume`).
    Resumed,
    /// Whether the user can see it.
    Visible(bool),
    /// Another tab has written the balance cache.
    Cached(Cached),
    /// Another tab has written the mark of a sign-out.
    Marked(u64),
}

/// Listens for as long as the result lives.
pub fn attach(names: &Names, then: impl Fn(PageEvent) + 'static) -> Vec<EventListener> {
    let Some(window) = web_sys::window() else {
        return Vec::new();
    };
    let then: Rc<dyn Fn(PageEvent)> = Rc::new(then);
    let (balance, mark) = (names.balance(), names.mark());
    let mut listeners = vec![
        on(&window, "online", &then, |_| Some(PageEvent::Online(true))),
        on(&window, "offline", &then, |_| {
            Some(PageEvent::Online(false))
        }),
        on(&window, "pageshow", &then, |event| {
            let restored = event.dyn_ref::<PageTransitionEvent>()?.persisted();
            restored.then_some(PageEvent::ShownAgain)
        }),
        on(&window, "pagehide", &then, |_| Some(PageEvent::Hidden)),
        on(&window, "storage", &then, move |event| {
            let event = event.dyn_ref::<StorageEvent>()?;
            let key = event.key()?;
            if key == balance {
                balance_cache::parse(&event.new_value()?).map(PageEvent::Cached)
            } else {
                (key == mark).then(|| PageEvent::Marked(mark::parse(event.new_value())))
            }
        }),
    ];
    if let Some(document) = window.document() {
        listeners.push(on(&document, "resume", &then, |_| Some(PageEvent::Resumed)));
        let visible = |_: &web_sys::Event| Some(PageEvent::Visible(is_visible()));
        listeners.push(on(&document, "visibilitychange", &then, visible));
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
    target: &EventTarget,
    kind: &'static str,
    then: &Rc<dyn Fn(PageEvent)>,
    meaning: impl Fn(&web_sys::Event) -> Option<PageEvent> + 'static,
) -> EventListener {
    let then = Rc::clone(then);
    EventListener::new(target, kind, move |event| {
        if let Some(event) = meaning(event) {
            then(event);
        }
    })
}
