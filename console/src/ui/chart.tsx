/** Lines over time. uPlot is loaded with the first of them. */
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { useStore } from '../store.ts';
import { theme } from '../theme.ts';

export interface Line {
  readonly label: string;
  /** As many as there are times; null: not known. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  /** What it shows, for a screen reader; the figures stand beside it. */
  readonly label: string;
  /** Epoch seconds, upwards. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly height?: number;
}

/** By how far apart the marks are, in seconds: hours count to 24, days are written as everywhere here, where one begins. */
const CLOCK: uPlot.Axis.Values = [
  [86_400, '{YYYY}-{MM}-{DD}', null, null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, '\n{YYYY}-{MM}-{DD}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{YYYY}-{MM}-{DD}', null, '\n{YYYY}-{MM}-{DD}', null, null, null, 1],
];

const AGAIN_MS = 3_000;
const COLOURS = ['--chart-1', '--chart-2', '--chart-3', '--chart-4', '--chart-5'];

export function Chart({ label, times, lines, format, height = 180 }: ChartProps) {
  const room = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef<uPlot.AlignedData>([[]]);
  latest.current = [times, ...lines.map(({ values }) => values)] as uPlot.AlignedData;
  const shape = lines.map((line) => line.label).join('\n');
  const colours = useStore(theme);

  // Made anew for other lines and other colours, not for new values
  useEffect(() => {
    let gone = false;
    let watch: ResizeObserver | undefined;
    const made = (Plot: typeof uPlot): void => {
      const element = room.current;
      if (gone || element === null) return;
      const style = getComputedStyle(document.documentElement);
      const probe = document.createElement('span');
      element.append(probe);
      // A custom property may be a function of the scheme; what it comes to is asked of an element.
      const colour = (name: string): string => {
        probe.style.color = `var(${name})`;
        return getComputedStyle(probe).color;
      };
      const axis = {
        stroke: colour('--soft'),
        grid: { stroke: colour('--line'), width: 1 },
        ticks: { show: false },
        font: `11px ${style.fontFamily}`,
      };
      const options: uPlot.Options = {
        width: element.clientWidth,
        height,
        padding: [8, 8, 0, 0],
        legend: { live: true },
        cursor: { y: false },
        scales: { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.1 : 1] } },
        axes: [
          { ...axis, space: 70, values: CLOCK },
          { ...axis, size: 64, values: (_, splits) => splits.map(format) },
        ],
        series: [
          { value: '{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}' },
          ...lines.map((line, i) => ({
            label: line.label,
            stroke: colour(COLOURS[i % COLOURS.length]!),
            width: 1.5,
            points: { show: false },
            value: (_: uPlot, value: number | null) => (value === null ? '–' : format(value)),
          })),
        ],
      };
      probe.remove();
      plot.current = new Plot(options, latest.current, element);
      watch = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
      watch.observe(element);
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = (): void => {
      Promise.all([import('uplot'), import('uplot/dist/uPlot.min.css')]).then(
        ([{ default: Plot }]) => made(Plot),
        () => {
          // The broker is away: it is asked again, as for all else.
          if (!gone) timer = setTimeout(load, AGAIN_MS);
        },
      );
    };
    load();
    return () => {
      gone = true;
      clearTimeout(timer);
      watch?.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape, height, colours]);

  useEffect(() => plot.current?.setData(latest.current));

  return <div class="chart" ref={room} role="img" aria-label={label} style={{ minHeight: height + 30 }} />;
}
