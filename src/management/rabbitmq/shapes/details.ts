/**
 * Numbers with their `_details`: how fast each goes, and how it went where the query asks for that.
 *
 *     "publish": 20, "publish_details": {"rate": 2.0, "samples": [{"sample": 20, "timestamp": 1795…}, …], "avg_rate": …, "avg": …}
 */
import type { Sample } from '../../../operator/rates/series.ts';

/** Seconds become milliseconds. */
export interface HistoryQuery {
  /** Of numbers that are levels: how much waits. */
  readonly lengths: { readonly ageMs: number; readonly stepMs: number } | undefined;
  /** Of numbers that rise: messages. */
  readonly messages: { readonly ageMs: number; readonly stepMs: number } | undefined;
  /** Of the node: what is used of the machine, what came and went. */
  readonly node: { readonly ageMs: number; readonly stepMs: number } | undefined;
}

export function historyQuery(query: URLSearchParams): HistoryQuery {
  return { lengths: range(query, 'lengths'), messages: range(query, 'msg_rates'), node: range(query, 'node_stats') };
}

export function asksHistory({ lengths, messages }: HistoryQuery): boolean {
  return lengths !== undefined || messages !== undefined;
}

function range(query: URLSearchParams, name: string): HistoryQuery['lengths'] {
  const age = Number(query.get(`${name}_age`));
  const step = Number(query.get(`${name}_incr`));
  if (!(age > 0) || !(step > 0)) return undefined;
  return { ageMs: age * 1000, stepMs: step * 1000 };
}

/** One number under its name, and beside it what is known of its course. */
export function detailed(
  name: string,
  value: number,
  rate: number,
  samples: readonly Sample[] = [],
): Record<string, unknown> {
  return { [name]: value, [`${name}_details`]: { rate, ...course(samples) } };
}

function course(samples: readonly Sample[]): object {
  const [newest] = samples;
  const oldest = samples.at(-1);
  if (newest === undefined || oldest === undefined) return {};
  const seconds = (newest.atMs - oldest.atMs) / 1000;
  return {
    samples: samples.map(({ value, atMs }) => ({ sample: value, timestamp: atMs })),
    avg_rate: seconds > 0 ? (newest.value - oldest.value) / seconds : 0,
    avg: samples.reduce((sum, { value }) => sum + value, 0) / samples.length,
  };
}
