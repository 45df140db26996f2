import { call } from "./server";
import { keepInTab, readInTab, removeInTab } from "./tab-storage";

/** A signed-in account and its token. The token lives in memory only. */
export interface Session {
  account: string;
  /** The token for the billing client: the account's own, unless the weather has put in another. */
  getToken(context: { refresh: boolean }): Promise<string | null>;
  /**
   * The account's token, asked for when there is none yet or when `refresh` says that it was not accepted.
   * Null where the server can't be reached: the request then goes out without one, and finds out.
   */
  ownToken(context: { refresh: boolean }): Promise<string | null>;
  /** Spoils the token at hand, as its end would: the server refuses it, and the next one is asked for. */
  expireToken(): void;
  /** While true the billing client gets the token of somebody else, as after another sign-in. */
  isStranger: boolean;
}

const REMEMBERED = "account";

/** The account signed in before this page was reloaded, if there is one. */
export function rememberedAccount(): string | null {
  return readInTab(REMEMBERED);
}

export function forgetAccount(): void {
  removeInTab(REMEMBERED);
}

/** Signs in. Rejects where the server refuses the name or can't be reached. */
export async function signIn(account: string): Promise<Session> {
  const token = await requestToken(account);
  keepInTab(REMEMBERED, account);
  return sessionWith(account, token);
}

/** A session beside the one that is signed in here, for an account of an experiment. */
export async function openSession(account: string): Promise<Session> {
  return sessionWith(account, await requestToken(account));
}

/** Goes on as `account` without asking the server: what the account left open shows up at once. */
export function resume(account: string): Session {
  return sessionWith(account, null);
}

function sessionWith(account: string, first: string | null): Session {
  let token = first;
  let asking: Promise<string | null> | null = null;
  return {
    account,
    isStranger: false,
    expireToken() {
      token = "expired";
    },
    getToken(context) {
      return this.isStranger ? strangersToken(account) : this.ownToken(context);
    },
    ownToken({ refresh }) {
      if (token !== null && !refresh) return Promise.resolve(token);
      // Several requests may find at once that the token is gone: one of them asks.
      asking ??= requestToken(account)
        .then(
          (fresh) => {
            token = fresh;
            return fresh;
          },
          () => null,
        )
        .finally(() => {
          asking = null;
        });
      return asking;
    },
  };
}

function strangersToken(account: string): Promise<string | null> {
  const stranger = `${[...account].slice(0, 50).join("")}-sibling`;
  return requestToken(stranger).catch(() => null);
}

async function requestToken(account: string): Promise<string> {
  const { token } = await call<{ token: string }>("/demo/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ account }),
    signal: AbortSignal.timeout(5_000),
  });
  return token;
}
