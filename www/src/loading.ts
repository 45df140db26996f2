import { useEffect, useState } from "react";

export type Loading<T> =
  | { state: "loading" }
  | { state: "loaded"; part: T }
  | { state: "failed"; error: unknown };

/** A part of the page that comes with a script of its own. `load` has to be the same every time. */
export function useLoaded<T>(load: () => Promise<T>): Loading<T> {
  const [loading, setLoading] = useState<Loading<T>>({ state: "loading" });
  useEffect(() => {
    let wanted = true;
    load().then(
      (part) => wanted && setLoading({ state: "loaded", part }),
      (error: unknown) => wanted && setLoading({ state: "failed", error }),
    );
    return () => {
      wanted = false;
    };
  }, [load]);
  return loading;
}
