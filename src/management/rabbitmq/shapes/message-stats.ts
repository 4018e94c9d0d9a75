/** `message_stats`: what went through a queue, a vhost, a channel or an exchange, in RabbitMQ's words. */
import type { ExchangeView } from '../../../operator/exchanges.ts';
import type { Measured } from '../../../operator/rates/measured.ts';
import type { ChannelColumn, QueueColumn, VhostColumn } from '../../../operator/rates/rows.ts';
import type { Sample } from '../../../operator/rates/series.ts';
import { addDetailed, type HistoryQuery } from './details.ts';

const NO_SAMPLES: readonly Sample[] = [];

type Columns<C> = Readonly<Record<string, readonly C[]>>;

const DELIVERIES: Columns<QueueColumn & ChannelColumn> = {
  ack: ['acknowledged'],
  deliver: ['delivered'],
  deliver_get: ['delivered', 'deliveredSettled', 'got', 'gotSettled'],
  deliver_no_ack: ['deliveredSettled'],
  get: ['got'],
  get_empty: ['gotNothing'],
  get_no_ack: ['gotSettled'],
  redeliver: ['redelivered'],
};
const PUBLISHES: Columns<QueueColumn> = { publish: ['published'] };
const VHOST_PUBLISHES: Columns<VhostColumn> = {
  confirm: ['confirmed'],
  drop_unroutable: ['unroutable'],
  publish: ['published'],
};
const CHANNEL_PUBLISHES: Columns<ChannelColumn> = {
  confirm: ['confirmed'],
  drop_unroutable: ['dropped'],
  publish: ['published'],
  return_unroutable: ['returned'],
};
const LENGTHS: Columns<QueueColumn> = {
  messages: ['ready', 'unsettled'],
  messages_ready: ['ready'],
  messages_unacknowledged: ['unsettled'],
};

/** Of a queue. Undefined: nothing has ever gone through it. */
export function queueStats(measured: Measured<QueueColumn>, { messages }: HistoryQuery): object | undefined {
  const delivered = any(measured, DELIVERIES);
  const published = any(measured, PUBLISHES);
  if (!delivered && !published) return undefined;
  const stats: Record<string, unknown> = {};
  if (delivered) add(stats, measured, DELIVERIES, messages);
  if (published) add(stats, measured, PUBLISHES, messages);
  return stats;
}

type Numbers = Pick<Measured<QueueColumn>, 'value' | 'rate'>;

/** What these columns of a queue say, each alone and by its dotted name, as they are shown: for lists sorted by one of them. */
export function queueColumns<T>(numbersOf: (item: T) => Numbers): Record<string, (item: T) => number | undefined> {
  const found: Record<string, (item: T) => number | undefined> = {};
  const put = (prefix: string, columns: Columns<QueueColumn>, always: boolean): void => {
    for (const [name, summed] of Object.entries(columns)) {
      const known = (numbers: Numbers): boolean => always || any(numbers, columns);
      found[`${prefix}${name}`] = (item) => {
        const numbers = numbersOf(item);
        return known(numbers) ? sum(numbers, summed) : undefined;
      };
      found[`${prefix}${name}_details.rate`] = (item) => {
        const numbers = numbersOf(item);
        return known(numbers) ? sumOfRates(numbers, summed) : undefined;
      };
    }
  };
  put('message_stats.', DELIVERIES, false);
  put('message_stats.', PUBLISHES, false);
  put('', LENGTHS, true);
  return found;
}

/** Of one or several vhosts together. */
export function vhostStats(measured: Measured<VhostColumn>, { messages }: HistoryQuery): object {
  if (!any(measured, DELIVERIES) && !any(measured, VHOST_PUBLISHES)) return {};
  return {
    ...shown(measured, DELIVERIES, messages),
    // What was given back to who published it is told by the channels alone.
    ...shown(measured, VHOST_PUBLISHES, messages),
  };
}

/** How much there is: levels. */
export function lengths(measured: Measured<QueueColumn>, { lengths: history }: HistoryQuery): object {
  return shown(measured, LENGTHS, history);
}

export function exchangeStats(exchange: ExchangeView, ask: 'rates' | 'history', history: HistoryQuery['messages']) {
  if (exchange.publishedIn === 0 && exchange.publishedOut === 0) return undefined;
  const measured = exchange.measured(ask);
  const columns = { publish_in: ['publishedIn'], publish_out: ['publishedOut'] } as const;
  return shown(measured, columns, history);
}

/** Of a channel: undefined where its adapter tells nothing, or nothing has ever gone through it. */
export function channelStats(
  measured: Measured<ChannelColumn> | undefined,
  { messages }: HistoryQuery,
): object | undefined {
  if (measured === undefined) return undefined;
  const groups = [DELIVERIES, CHANNEL_PUBLISHES].filter((columns) => any(measured, columns));
  if (groups.length === 0) return undefined;
  const stats: Record<string, unknown> = {};
  for (const columns of groups) add(stats, measured, columns, messages);
  return stats;
}

function any<C extends string>(measured: Pick<Measured<C>, 'value'>, columns: Columns<C>): boolean {
  for (const name in columns) for (const column of columns[name]!) if (measured.value(column) > 0) return true;
  return false;
}

/** Numbers with their `_details`, each the sum of these columns. */
export function shown<C extends string>(
  measured: Measured<C>,
  columns: Columns<C>,
  history: HistoryQuery['messages'],
): Record<string, unknown> {
  const stats: Record<string, unknown> = {};
  add(stats, measured, columns, history);
  return stats;
}

function add<C extends string>(
  stats: Record<string, unknown>,
  measured: Measured<C>,
  columns: Columns<C>,
  history: HistoryQuery['messages'],
): void {
  for (const name in columns) {
    const summed = columns[name]!;
    const samples = history === undefined ? NO_SAMPLES : summedSamples(measured, summed, history);
    addDetailed(stats, name, sum(measured, summed), sumOfRates(measured, summed), samples);
  }
}

function summedSamples<C extends string>(
  measured: Measured<C>,
  columns: readonly C[],
  history: NonNullable<HistoryQuery['messages']>,
) {
  const [first = [], ...others] = columns.map((column) => measured.samples(column, history));
  return first.map(({ atMs, value }, i) => ({
    atMs,
    value: others.reduce((total, samples) => total + (samples[i]?.value ?? 0), value),
  }));
}

function sum<C extends string>(measured: Pick<Measured<C>, 'value'>, columns: readonly C[]): number {
  let total = 0;
  for (const column of columns) total += measured.value(column);
  return total;
}

function sumOfRates<C extends string>(measured: Pick<Measured<C>, 'rate'>, columns: readonly C[]): number {
  let total = 0;
  for (const column of columns) total += measured.rate(column);
  return total;
}
