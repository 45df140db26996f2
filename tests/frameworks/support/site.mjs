import path from "node:path";
import { pathToFileURL } from "node:url";
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
          const content = props ? await rendered(framework.name, JSON.parse(props)) : "";
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
 * @param {string} name
 * @param {unknown} props
 * @returns {Promise<string>}
 */
async function rendered(name, props) {
  const file = path.join(BUILT, `${name}-server`, "server.mjs");
  const { render } = await import(pathToFileURL(file).href);
  return render(props);
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
