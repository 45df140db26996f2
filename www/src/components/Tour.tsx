import { useEffect, useId, useRef, useState } from "react";
import { recall, remember } from "../choices";
import { useMessages } from "../i18n";

/** The parts that the tour leads to, by their addresses. */
const STOPS = ["desk", "weather", "outbox", "truth", "experiments"] as const;

/** Five steps for the first visit. `?tour=0` leaves it out. */
export function Tour() {
  const t = useMessages().tour;
  const [step, setStep] = useState<number | null>(() => (isWanted() ? 0 : null));
  const heading = useRef<HTMLHeadingElement>(null);
  const begin = useRef<HTMLButtonElement>(null);
  /** Whether the visitor has begun or ended it, whose focus then follows. */
  const isPressed = useRef(false);
  const id = useId();
  const stop = step === null ? null : (STOPS[step] ?? null);

  useEffect(() => {
    const wasPressed = isPressed.current;
    isPressed.current = false;
    if (stop === null) {
      if (wasPressed) begin.current?.focus({ preventScroll: true });
      return;
    }
    const part = document.getElementById(stop);
    part?.setAttribute("data-toured", "");
    // The first one is in sight already.
    const isFirst = stop === STOPS[0];
    if (!isFirst) part?.scrollIntoView({ block: "center" });
    if (!isFirst || wasPressed) heading.current?.focus({ preventScroll: true });
    return () => part?.removeAttribute("data-toured");
  }, [stop]);

  const end = () => {
    isPressed.current = true;
    remember("toured", "1");
    setStep(null);
  };

  if (step === null || stop === null) {
    return (
      <button
        type="button"
        className="quiet"
        ref={begin}
        data-testid="tour-begin"
        onClick={() => {
          isPressed.current = true;
          setStep(0);
        }}
      >
        {t.begin}
      </button>
    );
  }
  const isLast = step === STOPS.length - 1;
  return (
    <aside
      className="tour"
      aria-labelledby={id}
      data-testid="tour"
      data-step={step + 1}
      onKeyDown={(event) => {
        if (event.key === "Escape") end();
      }}
    >
      <p className="note">{t.step(step + 1, STOPS.length)}</p>
      <h2 id={id} ref={heading} tabIndex={-1}>
        {t.stops[stop].heading}
      </h2>
      <p>{t.stops[stop].text}</p>
      <div className="card-end">
        <button type="button" className="quiet" data-testid="tour-end" onClick={end}>
          {isLast ? t.done : t.skip}
        </button>
        <span>
          {step > 0 && (
            <button type="button" data-testid="tour-back" onClick={() => setStep(step - 1)}>
              {t.back}
            </button>
          )}{" "}
          {!isLast && (
            <button
              type="button"
              className="primary"
              data-testid="tour-next"
              onClick={() => setStep(step + 1)}
            >
              {t.next}
            </button>
          )}
        </span>
      </div>
    </aside>
  );
}

function isWanted(): boolean {
  if (new URLSearchParams(location.search).get("tour") === "0") return false;
  // A link to one part wants that part, and not the first of five.
  if (location.hash !== "") return false;
  return recall("toured") === null;
}
