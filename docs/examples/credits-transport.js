// @ts-check
/** @import { TransportRequest, TransportResponse } from "tollbox" */

/**
 * @param {string} api where it starts, e.g. "https://credits.example"
 * @returns {(request: TransportRequest) => Promise<TransportResponse>}
 */
export function creditsTransport(api) {
  return async ({ method, path, headers, body, signal }) => {
    const [operation, query] = path.split("?");
    /** @type {(method: string, url: string, body?: object) => Promise<Answer>} */
    const ask = (method, url, body) =>
      request(api + url, method, headers.authorization, body, signal);

    if (operation === "balance") {
      const answer = await ask("GET", "/account");
      return answer.ok ? said(answer, balanceOf(answer.said)) : refused(answer);
    }
    if (operation === "charges/batch") {
      return problem(404, "no-batches");
    }
    if (method === "GET") {
      const key = new URLSearchParams(query).get("key") ?? "";
      const answer = await ask("GET", reservation(key));
      if (answer.ok && answer.said.state === "settled") {
        return receipt(answer, key);
      }
      const neverSettled = answer.ok || isMissing(answer);
      return neverSettled ? problem(404, "charge-not-found") : refused(answer);
    }
    const { amount } = JSON.parse(body ?? "");
    const key = decodeURIComponent(headers["idempotency-key"]?.slice(1, -1) ?? "");
    const settle = () => ask("POST", `${reservation(key)}/settle`, { credits: amount });
    let answer = await settle();
    if (isMissing(answer)) {
      // The work didn't reserve, or so long ago that it has lapsed.
      const reserved = await ask("PUT", reservation(key), { credits: amount });
      if (!reserved.ok) {
        return refused(reserved);
      }
      answer = await settle();
    }
    return answer.ok ? receipt(answer, key) : refused(answer);
  };
}

/**
 * Reserves credits on the server before the work begins. Again with the same key it is the same
 * reservation.
 *
 * @param {string} api
 * @param {string} token
 * @param {string} key the charge's
 * @param {number} credits the most that the work may cost
 */
export async function reserve(api, token, key, credits) {
  const answer = await request(api + reservation(key), "PUT", `Bearer ${token}`, { credits });
  if (!answer.ok) {
    throw new Error(answer.said?.error ?? `reserved nothing: ${answer.status}`);
  }
}

/**
 * Gives back what was reserved for work that failed.
 *
 * @param {string} api
 * @param {string} token
 * @param {string} key
 */
export async function release(api, token, key) {
  await request(api + reservation(key), "DELETE", `Bearer ${token}`);
}

/** @typedef {{ ok: boolean, status: number, headers: Headers, text: string, said: any }} Answer */

/**
 * @param {string} url
 * @param {string} method
 * @param {string} [authorization]
 * @param {object} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
async function request(url, method, authorization, body, signal) {
  const answer = await fetch(url, {
    method,
    cache: "no-store",
    // Followed, a POST would become a GET.
    redirect: "error",
    headers: { authorization: authorization ?? "", "content-type": "application/json" },
    body: body && JSON.stringify(body),
    signal,
  });
  const { ok, status, headers } = answer;
  const text = await answer.text();
  const isOwn = headers.get("content-type")?.startsWith("application/json");
  return { ok, status, headers, text, said: isOwn ? JSON.parse(text) : null };
}

/** @type {(key: string) => string} */
const reservation = (key) => `/reservations/${encodeURIComponent(key)}`;

/** @type {(answer: Answer) => boolean} by the API's own word, and not by a proxy's */
const isMissing = ({ status, said }) => status === 404 && said?.error === "no_reservation";

/** @type {(account: { credits: number, revision: number }) => object} */
const balanceOf = ({ credits, revision }) => ({ balance: credits, version: revision });

/** @type {(answer: Answer, key: string) => TransportResponse} */
function receipt(answer, key) {
  const { transaction, credits, settled_at, account } = answer.said;
  return said(answer, {
    charge_id: transaction,
    idempotency_key: key,
    amount: credits,
    charged_at: settled_at,
    ...balanceOf(account),
  });
}

/** @type {(answer: Answer) => TransportResponse} */
function refused({ status, headers, text, said }) {
  if (!said?.error || status >= 500) {
    // A proxy's page, or a failure in the middle of things: the client finds it to be unknown.
    return { status, headers: Object.fromEntries(headers), body: text };
  }
  if (said.error === "insufficient_credits") {
    return problem(402, "insufficient-balance", balanceOf(said.account));
  }
  if (said.error === "settled_otherwise") {
    return problem(422, "idempotency-key-reused");
  }
  return problem(status, said.error, {}, headers);
}

/** @type {(status: number, type: string, more?: object, headers?: Headers) => TransportResponse} */
function problem(status, type, more, headers) {
  return {
    status,
    headers: { ...Object.fromEntries(headers ?? []), "content-type": "application/problem+json" },
    body: JSON.stringify({ type, ...more }),
  };
}

/** @type {(answer: Answer, body: object) => TransportResponse} */
function said({ headers }, body) {
  return {
    status: 200,
    headers: { ...Object.fromEntries(headers), "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}
