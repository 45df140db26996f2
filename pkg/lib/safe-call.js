// @ts-check

/**
 * Calls the user's code. A listener that throws harms nobody else; the browser reports it as uncaught.
 *
 * @param {(subject: any) => void} listener
 * @param {any} [subject]
 */
export function callSafely(listener, subject) {
  try {
    listener(subject);
  } catch (error) {
    // What reports it may be the page's own, too, and throw.
    setTimeout(() => {
      throw error;
    });
  }
}
