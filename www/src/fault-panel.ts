import { useEffect, useState } from "react";
import { about } from "./server";

/** Whether this server lets its visitors break it. */
export function useFaultPanel(): boolean {
  const [faults, setFaults] = useState(false);
  useEffect(() => {
    let wanted = true;
    about().then(
      (answer) => wanted && setFaults(answer.faults),
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, []);
  return faults;
}
