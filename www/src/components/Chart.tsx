import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import { useLocale } from "../i18n";
import { clock } from "../i18n/time";
import { theme } from "../theme";
import "uplot/dist/uPlot.min.css";

/** One line over time. Nulls are gaps. */
export interface Series {
  label: string;
  values: readonly (number | null)[];
  color: "--accent" | "--soft";
}

/** Of the root element's letters. */
const HEIGHT_REM = 8;
const SHORTEST_S = 10;

/** Lines over time, drawn by uPlot. What they show is also in `label`. */
export function Chart(props: {
  label: string;
  testId: string;
  /** When each value was taken, in milliseconds since the Unix epoch. */
  at: readonly number[];
  series: readonly Series[];
  /** The top of the scale; what is highest decides where there is none. */
  highest?: number;
  format: (value: number) => string;
}) {
  const { label, testId, at, series, highest, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef(format);
  shown.current = format;
  const locale = useLocale();
  const clockOf = useRef((instant: number) => clock(locale, instant));
  clockOf.current = (instant) => clock(locale, instant);

  const rem = useRem();

  // biome-ignore lint/correctness/useExhaustiveDependencies: only what it looks like makes it anew
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    // The canvas has no style sheet: it asks for the colours of now each time that it is drawn.
    const color = (name: string) => () => getComputedStyle(element).getPropertyValue(name);
    // uPlot scales whole pixels only to the screen's density: of 12.6px it would scale the 6.
    const font = getComputedStyle(element).font.replace(
      /[\d.]+px/,
      (size) => `${Math.round(Number.parseFloat(size))}px`,
    );
    const height = HEIGHT_REM * rem;
    const made = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          // A moment is drawn as some seconds: else two charges at once would be the whole width.
          x: { range: (_, from, to) => [Math.min(from, to - SHORTEST_S), to] },
          y: { range: (_, __, most) => [0, highest ?? Math.max(1, most * 1.1)] },
        },
        axes: [
          {
            stroke: color("--soft"),
            grid: { show: false },
            ticks: { show: false },
            font,
            size: 2 * rem,
            gap: 0.5 * rem,
            space: 5.6 * rem,
            values: (_, values) => values.map((at) => clockOf.current(at * 1_000)),
          },
          {
            stroke: color("--soft"),
            grid: { stroke: color("--line"), width: 1 },
            ticks: { show: false },
            font,
            size: 3.5 * rem,
            values: (_, values) => values.map((value) => shown.current(value)),
          },
        ],
        series: [
          {},
          ...series.map((line) => ({
            label: line.label,
            stroke: color(line.color),
            width: 2,
            points: { show: true, size: 5, fill: color(line.color) },
            ...(line.color === "--soft" ? { dash: [5, 4] } : {}),
          })),
        ],
      },
      columnsOf(at, series),
      element,
    );
    plot.current = made;
    const fit = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height });
    });
    fit.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => made.redraw();
    scheme.addEventListener("change", redraw);
    const forget = theme.subscribe(redraw);
    return () => {
      forget();
      scheme.removeEventListener("change", redraw);
      fit.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [highest, series.length, rem]);

  useEffect(() => {
    plot.current?.setData(columnsOf(at, series));
  }, [at, series]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the axes are written in the language
  useEffect(() => {
    plot.current?.redraw(false, true);
  }, [locale]);

  return (
    <div
      ref={place}
      className="chart"
      role="img"
      aria-label={label}
      data-testid={testId}
      data-points={at.length}
    />
  );
}

function columnsOf(at: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [at.map((instant) => instant / 1_000), ...series.map(({ values }) => [...values])];
}

/** The size of the root element's letters in pixels, which grows a little with the screen. */
function useRem(): number {
  const [rem, setRem] = useState(readRem);
  useEffect(() => {
    const look = () => setRem(readRem());
    addEventListener("resize", look);
    return () => removeEventListener("resize", look);
  }, []);
  return rem;
}

function readRem(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}
