/** How it went, as charts show it: what the broker remembers, and the points that have come since. Never more points than the broker keeps. */
import type { Overview, Past } from '../api/overview-shapes.ts';

export const POINTS_MAX = 120;

const pushed = (values: readonly number[], value: number): readonly number[] => [
  ...values.slice(Math.max(0, values.length - POINTS_MAX + 1)),
  value,
];

/** With what is now behind it, if that is newer than the last point by a step. */
export function extended(past: Past, now: Overview): Past {
  const at = Date.parse(now.sampledAt) / 1000;
  const last = past.times.at(-1);
  // The broker's looks are not exact.
  if (last !== undefined && at - last < past.stepSeconds * 0.9) return past;
  const known = past.protocols;
  return {
    stepSeconds: past.stepSeconds,
    times: pushed(past.times, at),
    in: pushed(past.in, now.flow.in),
    out: pushed(past.out, now.flow.out),
    ready: pushed(past.ready, now.waiting.ready),
    unsettled: pushed(past.unsettled, now.waiting.unsettled),
    ...(known !== undefined && {
      protocols: (now.protocols ?? []).map((one) => {
        const before = known.find(({ protocol }) => protocol === one.protocol);
        const none = past.times.map(() => 0);
        return {
          protocol: one.protocol,
          in: pushed(before?.in ?? none, one.in.messages),
          out: pushed(before?.out ?? none, one.out.messages),
          bytesIn: pushed(before?.bytesIn ?? none, one.in.bytes),
          bytesOut: pushed(before?.bytesOut ?? none, one.out.bytes),
        };
      }),
    }),
  };
}
