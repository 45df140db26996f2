import { type OpenRival, post, type StormCharge } from "./rival";

const ATTEMPTS = 5;
const BASE_DELAY_MS = 200;

/**
 * What is written in an afternoon: a list in localStorage, and five attempts, each with a key of its
 * own, since a key is made where the request is made.
 */
export const openRetryLoop: OpenRival = async (session) => {
  const slot = `tollbox-demo:retry-loop:${session.account}`;
  const read = () => JSON.parse(localStorage.getItem(slot) ?? "[]") as StormCharge[];
  const write = (list: StormCharge[]) => localStorage.setItem(slot, JSON.stringify(list));
  return {
    async charge(charge) {
      write([...read(), charge]);
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        try {
          await post(session, charge, crypto.randomUUID());
          write(read().filter(({ taskId }) => taskId !== charge.taskId));
          return "paid";
        } catch {
          await new Promise((resolve) => setTimeout(resolve, BASE_DELAY_MS * 2 ** attempt));
        }
      }
      return "not_paid";
    },
    async close() {
      localStorage.removeItem(slot);
    },
  };
};
