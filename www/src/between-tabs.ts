/** What the tabs of this page tell each other. Where the browser refuses it, each is alone. */

const PREFIX = "tollbox-demo:";

/** Tells the other listeners of this topic, those of this page too. */
export function tellTabs(topic: string, word: string): void {
  try {
    const channel = new BroadcastChannel(PREFIX + topic);
    channel.postMessage(word);
    channel.close();
  } catch {
    // As said above.
  }
}

/** Listens until the function that is returned is called. */
export function hearTabs(topic: string, listener: (word: unknown) => void): () => void {
  try {
    const channel = new BroadcastChannel(PREFIX + topic);
    channel.addEventListener("message", ({ data }) => listener(data));
    return () => channel.close();
  } catch {
    return () => {};
  }
}

/** Does this while no other tab does anything under the same name, where the browser has Web Locks. */
export async function oneTabAtATime<T>(name: string, act: () => Promise<T>): Promise<T> {
  let hasBegun = false;
  const turn = () => {
    hasBegun = true;
    return act();
  };
  try {
    return await navigator.locks.request(PREFIX + name, turn);
  } catch (error) {
    if (hasBegun) throw error;
    return act();
  }
}
