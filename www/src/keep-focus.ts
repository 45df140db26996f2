/**
 * Where a button goes away because it was pressed, the keyboard's focus goes to what it stood in, and not
 * to the page's beginning.
 */
export function keepFocus(root: HTMLElement): void {
  let pressed: Element | null = null;
  let around: HTMLElement[] = [];
  root.addEventListener(
    "click",
    ({ target }) => {
      pressed = target instanceof Element ? target.closest("button") : null;
      around = [];
      for (
        let place = pressed?.parentElement;
        place && place !== root;
        place = place.parentElement
      ) {
        if (place.matches("li, section, form, main")) around.push(place);
      }
    },
    true,
  );
  new MutationObserver(() => {
    if (!pressed || pressed.isConnected) return;
    pressed = null;
    // Somebody else has taken it.
    if (document.activeElement !== document.body) return;
    const place = around.find(({ isConnected }) => isConnected);
    place?.setAttribute("tabindex", "-1");
    place?.focus({ preventScroll: true });
  }).observe(root, { childList: true, subtree: true });
}
