// @ts-check
/** Elements, made without markup in strings and without inline styles, as strict CSPs want it. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. Attributes that are null or false are left out; `on` has the listeners.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {{ on?: Record<string, (event: any) => void>, [attribute: string]: any }} [set]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, { on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    setAttribute(element, name, value);
  }
  for (const [type, listener] of Object.entries(on)) {
    element.addEventListener(type, listener);
  }
  element.append(...children);
  return element;
}

/**
 * A decorative icon of one path, 16 by 16.
 *
 * @param {string} path
 */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function setAttribute(element, name, value) {
  const text = value === true ? "" : String(value);
  if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== text) {
    element.setAttribute(name, text);
  }
}

/**
 * Text that has not changed is left alone, with whoever has it selected.
 *
 * @param {Element} element
 * @param {string | number} text
 */
export function setText(element, text) {
  if (element.textContent !== String(text)) {
    element.textContent = String(text);
  }
}

/**
 * The children of an element, one for each item. What has a key already stays the same element, with
 * its focus, its selection and whether it is open. Those that share a key are told apart by their order.
 *
 * @template T
 */
export class KeyedChildren {
  #parent;
  #keyOf;
  #create;
  /** @type {Map<string, { element: Element, show: (item: T) => void }>} */
  #children = new Map();

  /**
   * @param {Element} parent
   * @param {(item: T) => string} keyOf
   * @param {(item: T) => { element: Element, show: (item: T) => void }} create
   */
  constructor(parent, keyOf, create) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#create = create;
  }

  /** @param {readonly T[]} items */
  show(items) {
    const before = this.#children;
    this.#children = new Map();
    /** @type {Element | null} */
    let last = null;
    for (const item of items) {
      let key = this.#keyOf(item);
      while (this.#children.has(key)) {
        key += "+";
      }
      const child = before.get(key) ?? this.#create(item);
      before.delete(key);
      this.#children.set(key, child);
      child.show(item);
      /** @type {Element | null} */
      const place = last ? last.nextElementSibling : this.#parent.firstElementChild;
      if (place !== child.element) {
        this.#parent.insertBefore(child.element, place);
      }
      last = child.element;
    }
    for (const { element } of before.values()) {
      element.remove();
    }
  }
}
