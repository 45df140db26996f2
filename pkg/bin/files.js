// @ts-check
/** Files beside the protocol: the panel, and a folder of the user's own. */

import { readFile, realpath } from "node:fs/promises";
import { extname, join, sep } from "node:path";

/** @import { Answer } from "../server/problem.js" */

/** @type {Record<string, string>} */
const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript",
  ".json": "application/json",
  ".map": "application/json",
  ".mjs": "text/javascript",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

/** Where the panel is. */
export const PANEL = "/panel/";

/** What the panel's page may do. */
const PANEL_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * A file as it is sent.
 *
 * @typedef {Omit<Answer, "body"> & { body: string | Buffer }} FileAnswer
 */

/**
 * @param {{ panel: string | null, staticDir: string | null }} folders
 * @param {string} method
 * @param {string} path
 * @returns {Promise<FileAnswer | null>}
 */
export async function fileAt({ panel, staticDir }, method, path) {
  if (method !== "GET" && method !== "HEAD") {
    return null;
  }
  if (panel && (path === "/" || path === PANEL.slice(0, -1)) && !(path === "/" && staticDir)) {
    return { status: 302, headers: { location: PANEL, "cache-control": "no-store" }, body: "" };
  }
  if (panel && path.startsWith(PANEL)) {
    const file = await fileIn(panel, path.slice(PANEL.length - 1));
    const headers = {
      "content-security-policy": PANEL_POLICY,
      "x-content-type-options": "nosniff",
    };
    return file && { ...file, headers: { ...file.headers, ...headers } };
  }
  return staticDir ? fileIn(staticDir, path) : null;
}

/**
 * @param {string} folder
 * @param {string} path
 * @returns {Promise<FileAnswer | null>}
 */
async function fileIn(folder, path) {
  try {
    const root = await realpath(folder);
    const asked = decodeURIComponent(path.endsWith("/") ? `${path}index.html` : path);
    if (asked.includes("\0")) {
      return null;
    }
    // A link may lead out of the folder as well as two dots do.
    const file = await realpath(join(root, asked));
    if (!file.startsWith(root.endsWith(sep) ? root : root + sep)) {
      return null;
    }
    const type = TYPES[extname(file).toLowerCase()] ?? "application/octet-stream";
    const headers = { "content-type": type, "cache-control": "no-cache" };
    return { status: 200, headers, body: await readFile(file) };
  } catch {
    // It is not there, or no file.
    return null;
  }
}
