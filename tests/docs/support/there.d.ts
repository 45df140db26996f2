/** What the code of the pages takes as there, unless it has its own. `page.mjs` brings it. */

/** A client of the account alice, who has 120 points. */
declare const billing: import("tollbox").BillingClient;
/** Its billing server, where the code is about `tollbox/testing`. */
declare const server: import("tollbox/testing").BillingServer;
declare const faults: typeof import("tollbox/testing").faults;
declare function getToken(): Promise<string>;
declare function translate(text: string): Promise<string>;
/** Shows the user a line. */
declare function show(text: string): void;

declare module "vitest";
declare module "@jest/globals";
declare module "@sinonjs/fake-timers";
