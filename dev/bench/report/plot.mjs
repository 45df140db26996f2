/** Line plots as SVG, with the lines' names at their ends. */

const WIDTH = 800;
const HEIGHT = 380;
const LEFT = 70;
const RIGHT = 260;
const TOP = 44;
const BOTTOM = 46;
const LABEL_HEIGHT = 15;
const COLOURS = [
  "#475569",
  "#0f766e",
  "#7c3aed",
  "#a16207",
  "#be185d",
  "#4d7c0f",
  "#0369a1",
  "#9f1239",
];

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {(number | null)[]} values one a place on the x axis
 * @property {string} [colour] of a line that is to stand out
 */

/**
 * @typedef {object} Plot
 * @property {string} title
 * @property {string} xLabel
 * @property {string[]} places on the x axis, evenly apart
 * @property {Line[]} lines
 */

/**
 * A plot with a logarithmic y axis; empty where there is nothing to draw.
 *
 * @param {Plot} plot
 */
export function svg({ title, xLabel, places, lines }) {
  const drawn = lines.filter(({ values }) => values.some((value) => value !== null && value > 0));
  const all = drawn.flatMap(({ values }) => values).filter((value) => value !== null && value > 0);
  if (all.length === 0) return "";
  const numbers = /** @type {number[]} */ (all);
  const low = 10 ** Math.floor(Math.log10(Math.min(...numbers)));
  const high = Math.max(low * 10, 10 ** Math.ceil(Math.log10(Math.max(...numbers))));
  const step = (WIDTH - LEFT - RIGHT) / Math.max(1, places.length - 1);
  const x = (/** @type {number} */ index) => round(LEFT + index * step);
  const y = (/** @type {number} */ value) => {
    const share = Math.log10(value / low) / Math.log10(high / low);
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM));
  };

  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="24" font-size="15" fill="#0f172a">${escaped(title)}</text>`,
  ];
  for (let value = low; value <= high * 1.001; value *= 10) {
    const at = y(value);
    parts.push(
      `<line x1="${LEFT}" y1="${at}" x2="${WIDTH - RIGHT}" y2="${at}" stroke="#e2e8f0"/>`,
      `<text x="${LEFT - 8}" y="${at + 4}" text-anchor="end" fill="#475569">${shown(value)}</text>`,
    );
  }
  for (const [index, place] of places.entries()) {
    const at = HEIGHT - BOTTOM + 18;
    parts.push(
      `<text x="${x(index)}" y="${at}" text-anchor="middle" fill="#475569">${place}</text>`,
    );
  }
  const middle = (LEFT + WIDTH - RIGHT) / 2;
  parts.push(
    `<text x="${middle}" y="${HEIGHT - 8}" text-anchor="middle" fill="#475569">${escaped(xLabel)}</text>`,
  );
  parts.push(...drawn.flatMap((line, index) => lineParts(line, colourOf(line, index), x, y)));
  parts.push(...labels(drawn, x, y), "</svg>\n");
  return parts.join("\n");
}

/**
 * @param {Line} line
 * @param {string} colour
 * @param {(index: number) => number} x
 * @param {(value: number) => number} y
 */
function lineParts({ values, colour: standsOut }, colour, x, y) {
  const points = values.flatMap((value, index) => (value ? [[x(index), y(value)]] : []));
  const width = standsOut ? 3 : 1.5;
  return [
    `<polyline points="${points.map((point) => point.join(",")).join(" ")}" fill="none" stroke="${colour}" stroke-width="${width}"/>`,
    ...points.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="${width}" fill="${colour}"/>`),
  ];
}

/**
 * The names, pushed apart where they would cover each other.
 *
 * @param {Line[]} lines
 * @param {(index: number) => number} x
 * @param {(value: number) => number} y
 */
function labels(lines, x, y) {
  const ends = lines.map((line, index) => {
    const last = line.values.findLastIndex((value) => value);
    const end = { x: x(last), y: y(line.values[last] ?? 1) };
    return { name: line.name, colour: colourOf(line, index), end, at: end.y };
  });
  ends.sort((a, b) => a.at - b.at);
  for (const [index, label] of ends.entries()) {
    const above = ends[index - 1];
    if (above) label.at = Math.max(label.at, above.at + LABEL_HEIGHT);
  }
  const over = Math.max(0, (ends.at(-1)?.at ?? 0) - (HEIGHT - BOTTOM));
  const at = WIDTH - RIGHT + 14;
  return ends.flatMap(({ name, colour, end, at: below }) => {
    const height = round(below - over);
    return [
      `<line x1="${end.x}" y1="${end.y}" x2="${at - 3}" y2="${height}" stroke="${colour}" stroke-width="0.5"/>`,
      `<text x="${at}" y="${height + 4}" fill="${colour}">${escaped(name)}</text>`,
    ];
  });
}

/**
 * @param {Line} line
 * @param {number} index
 */
function colourOf({ colour }, index) {
  return colour ?? COLOURS[index % COLOURS.length] ?? "#475569";
}

/** @param {number} value */
function shown(value) {
  return value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(1)));
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
