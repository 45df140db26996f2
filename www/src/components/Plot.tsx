/** One line of a plot. Nulls are gaps. */
export interface Line {
  values: readonly (number | null)[];
  tone: "main" | "soft";
}

const WIDTH = 240;
const HEIGHT = 48;
const EDGE = 3;

/** A small plot of lines over their order, from 0 to `highest`. What it shows is also in `label`. */
export function Plot(props: { label: string; lines: Line[]; highest: number; testId: string }) {
  const { label, lines, highest, testId } = props;
  return (
    <svg
      className="plot"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      preserveAspectRatio="none"
      aria-label={label}
      data-testid={testId}
    >
      <line x1={0} y1={HEIGHT - EDGE} x2={WIDTH} y2={HEIGHT - EDGE} className="plot-ground" />
      {lines.map(({ values, tone }) => {
        const spots = placed(values, highest);
        const last = spots.at(-1);
        return (
          <g key={tone} className="plot-line" data-tone={tone}>
            <polyline points={spots.map(({ x, y }) => `${x},${y}`).join(" ")} />
            {/* A line without length and with round ends: a dot, in whatever proportion. */}
            {last && <path d={`M${last.x} ${last.y}h0`} />}
          </g>
        );
      })}
    </svg>
  );
}

function placed(values: readonly (number | null)[], highest: number): { x: number; y: number }[] {
  const steps = Math.max(values.length - 1, 1);
  const height = HEIGHT - 2 * EDGE;
  return values.flatMap((value, at) => {
    if (value === null) return [];
    const x = EDGE + (at / steps) * (WIDTH - 2 * EDGE);
    const share = highest > 0 ? Math.min(value / highest, 1) : 0;
    return [{ x: round(x), y: round(EDGE + (1 - share) * height) }];
  });
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}
