/** @typedef {{ name: string, attributes: Record<string, string>, children: Element[] }} Element */

const TAG = /<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>|[^<>]+/gy;

/** @type {Record<string, string>} */
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"' };

/**
 * The elements of a document: as much of XML as JUnit's has, and an error for anything else.
 *
 * @param {string} text
 * @returns {Element}
 */
export function parseXml(text) {
  const rest = text.replace(/^<\?xml version="1.0" encoding="UTF-8"\?>\n/, "");
  /** @type {Element} */
  const root = { name: "", attributes: {}, children: [] };
  const open = [root];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < rest.length) {
    const at = TAG.lastIndex;
    const match = TAG.exec(rest);
    if (!match) {
      throw new Error(`no XML after ${at} characters`);
    }
    const [, end, name, attributes = "", empty] = match;
    if (end) {
      const closed = open.pop();
      if (closed?.name !== name) {
        throw new Error(`</${name}> ends <${closed?.name}>`);
      }
    } else if (name) {
      const pairs = [...attributes.matchAll(/([a-z]+)="([^"]*)"/g)];
      const element = {
        name,
        attributes: Object.fromEntries(pairs.map(([, key, value = ""]) => [key, plain(value)])),
        children: [],
      };
      open.at(-1)?.children.push(element);
      if (!empty) {
        open.push(element);
      }
    }
  }
  if (open.length !== 1 || root.children.length !== 1) {
    throw new Error("the document does not end");
  }
  return root.children[0];
}

/** @param {string} text */
function plain(text) {
  return text.replace(/&[^;]*;/g, (entity) => {
    const char = ENTITIES[entity];
    if (char === undefined) {
      throw new Error(`${entity} is no entity`);
    }
    return char;
  });
}
