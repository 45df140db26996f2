//! The browser's events that wake a client: never one alone.

use std::rc::Rc;

use gloo_events::EventListener;
use wasm_bindgen::JsCast as _;
use web_sys::{EventTarget, PageTransitionEvent, StorageEvent, VisibilityState};

use super::balance_cache::{self, Cached};
use super::names::Names;
use super::scope::scope;
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

/// Listens for as long as the result lives. A worker hears of the network only.
pub fn attach(names: &Names, then: impl Fn(PageEvent) + 'static) -> Vec<EventListener> {
    let Some(scope) = scope() else {
        return Vec::new();
    };
    let then: Rc<dyn Fn(PageEvent)> = Rc::new(then);
    let (balance, mark) = (names.balance(), names.mark());
    let mut listeners = vec![
        on(&scope, "online", &then, |_| Some(PageEvent::Online(true))),
        on(&scope, "offline", &then, |_| Some(PageEvent::Online(false))),
        on(&scope, "pageshow", &then, |event| {
            let restored = event.dyn_ref::<PageTransitionEvent>()?.persisted();
            restored.then_some(PageEvent::ShownAgain)
        }),
        on(&scope, "pagehide", &then, |_| Some(PageEvent::Hidden)),
        on(&scope, "storage", &then, move |event| {
            let event = event.dyn_ref::<StorageEvent>()?;
            let key = event.key()?;
            if key == balance {
                balance_cache::parse(&event.new_value()?).map(PageEvent::Cached)
            } else {
                (key == mark).then(|| PageEvent::Marked(mark::parse(event.new_value())))
            }
        }),
    ];
    if let Some(document) = scope.document() {
        listeners.push(on(&document, "resume", &then, |_| Some(PageEvent::Resumed)));
        let visible = |_: &web_sys::Event| Some(PageEvent::Visible(is_visible()));
        listeners.push(on(&document, "visibilitychange", &then, visible));
    }
    listeners
}

/// Whether the user can see the page; a worker, which has none, goes on as if so.
pub fn is_visible() -> bool {
    let document = scope().and_then(|scope| scope.document());
    document.is_none_or(|document| document.visibility_state() == VisibilityState::Visible)
}

/// Whether this is a worker.
pub fn is_worker() -> bool {
    scope().is_some_and(|scope| scope.document().is_none())
}

/// What the browser says about the network; online where it says nothing.
pub fn is_online() -> bool {
    scope().is_none_or(|scope| scope.navigator().on_line())
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
