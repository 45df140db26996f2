import { useEffect, useState } from "react";
import { about } from "./server";

const ASK_AGAIN_MS = 2_000;

/** Whether this server lets its visitors break it. */
export function useFaultPanel(): boolean {
  const [faults, setFaults] = useState(false);
  useEffect(() => {
    let wanted = true;
    let again: ReturnType<typeof setTimeout> | undefined;
    const ask = () => {
      about().then(
        (answer) => wanted && setFaults(answer.faults),
        () => {
          if (wanted) again = setTimeout(ask, ASK_AGAIN_MS);
        },
      );
    };
    ask();
    return () => {
      wanted = false;
      clearTimeout(again);
    };
  }, []);
  return faults;
}
