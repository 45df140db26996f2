import { execFile } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { BareSite } from "../../browser/support/bare.mjs";
import { BUILT, FRAMEWORKS } from "./frameworks.mjs";

/** Serves the built pages: `/vue-3` empty, `/vue-3?props=…` rendered with these properties. */
export class Site {
  /** @type {BareSite} */
  #site;

  /** @param {BareSite} site */
  constructor(site) {
    this.#site = site;
  }

  static async start() {
    return new Site(
      await BareSite.start({
        folder: BUILT,
        answer: async (request, response) => {
          const { pathname, searchParams } = new URL(request.url ?? "/", "http://site");
          const framework = FRAMEWORKS.find(({ name }) => pathname === `/${name}`);
          if (!framework) return false;
          const props = searchParams.get("props");
          const content = props ? await rendered(framework.name, props) : "";
          response.writeHead(200, { "content-type": "text/html" });
          response.end(page(framework.name, content));
          return true;
        },
      }),
    );
  }

  /** @param {string} name of a framework */
  urlOf(name) {
    return `${this.#site.url}${name}`;
  }

  stop() {
    return this.#site.stop();
  }
}

/**
 * What a server renders, in a process of its own: whatever a component started there would keep it from
 * ending.
 *
 * @param {string} name
 * @param {string} props as JSON
 * @returns {Promise<string>}
 */
async function rendered(name, props) {
  const file = pathToFileURL(path.join(BUILT, `${name}-server`, "server.mjs"));
  const script = `const { render } = await import("${file}");
    process.stdout.write(await render(JSON.parse(process.argv[1])));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", script, props],
    { timeout: 30_000, env: { ...process.env, NODE_ENV: "development" } },
  );
  return stdout;
}

/**
 * @param {string} name
 * @param {string} content
 */
function page(name, content) {
  return `<!doctype html><html lang="en"><title>${name}</title>
<link rel="icon" href="data:,"><body><div id="app">${content}</div>
<script type="module" src="/${name}/client.js"></script></body></html>`;
}
