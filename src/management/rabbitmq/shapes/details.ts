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
  const stats: Record<string, unknown> = {};
  addDetailed(stats, name, value, rate, samples);
  return stats;
}

/** The names that the details of a number are shown under: as many as there are names of numbers. */
const DETAILS = new Map<string, string>();

/** The same, added to what is shown already: a list of queues comes here for each of its numbers. */
export function addDetailed(
  stats: Record<string, unknown>,
  name: string,
  value: number,
  rate: number,
  samples: readonly Sample[],
): void {
  let details = DETAILS.get(name);
  if (details === undefined) {
    details = `${name}_details`;
    DETAILS.set(name, details);
  }
  stats[name] = value;
  stats[details] = samples.length === 0 ? { rate } : course(rate, samples);
}

function course(rate: number, samples: readonly Sample[]): object {
  const newest = samples[0]!;
  const oldest = samples.at(-1)!;
  const seconds = (newest.atMs - oldest.atMs) / 1000;
  return {
    rate,
    samples: samples.map(({ value, atMs }) => ({ sample: value, timestamp: atMs })),
    avg_rate: seconds > 0 ? (newest.value - oldest.value) / seconds : 0,
    avg: samples.reduce((sum, { value }) => sum + value, 0) / samples.length,
  };
}
