import { useEffect } from "react";

const TAKING_OVER = ["pointerdown", "wheel", "touchmove", "keydown"] as const;

/**
 * Leads to the part of the page that the address names, once it is there, and keeps it in sight while
 * the parts above it come in; until the visitor takes over.
 */
export function useAddressedPart(): void {
  useEffect(() => {
    const id = location.hash.slice(1);
    if (id === "") return;
    const lead = () => document.getElementById(id)?.scrollIntoView({ behavior: "instant" });
    const growth = new ResizeObserver(lead);
    growth.observe(document.body);
    const stop = () => {
      growth.disconnect();
      for (const type of TAKING_OVER) removeEventListener(type, stop);
    };
    for (const type of TAKING_OVER) addEventListener(type, stop, { passive: true });
    return stop;
  }, []);
}
