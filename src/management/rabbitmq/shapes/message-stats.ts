/** `message_stats`: what went through a queue, a vhost, a channel or an exchange, in RabbitMQ's words. */
import type { ChannelCounts } from '../../../api/reports.ts';
import type { ExchangeView } from '../../../operator/exchanges.ts';
import type { Measured } from '../../../operator/rates/measured.ts';
import type { QueueColumn, VhostColumn } from '../../../operator/rates/rows.ts';
import { detailed, type HistoryQuery } from './details.ts';

type Columns<C> = Readonly<Record<string, readonly C[]>>;

const DELIVERIES: Columns<QueueColumn> = {
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
const LENGTHS: Columns<QueueColumn> = {
  messages: ['ready', 'unsettled'],
  messages_ready: ['ready'],
  messages_unacknowledged: ['unsettled'],
};

/** Of a queue. Undefined: nothing has ever gone through it. */
export function queueStats(measured: Measured<QueueColumn>, { messages }: HistoryQuery): object | undefined {
  const stats = {
    ...(any(measured, DELIVERIES) && shown(measured, DELIVERIES, messages)),
    ...(any(measured, PUBLISHES) && shown(measured, PUBLISHES, messages)),
  };
  return Object.keys(stats).length === 0 ? undefined : stats;
}

/** Of one or several vhosts together. */
export function vhostStats(measured: Measured<VhostColumn>, { messages }: HistoryQuery): object {
  if (!any(measured, DELIVERIES) && !any(measured, VHOST_PUBLISHES)) return {};
  return {
    ...shown(measured, DELIVERIES, messages),
    ...shown(measured, VHOST_PUBLISHES, messages),
    // What was given back to who published it is told by the channels alone.
    ...detailed('return_unroutable', 0, 0),
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

/** Of a channel: undefined where its adapter tells nothing. Its rates are not kept. */
export function channelStats(counts: ChannelCounts | undefined): object | undefined {
  if (counts === undefined) return undefined;
  const { delivered, deliveredSettled, got, gotSettled, gotNothing, acknowledged, redelivered } = counts;
  const deliveries = {
    ack: acknowledged,
    deliver: delivered,
    deliver_get: delivered + deliveredSettled + got + gotSettled,
    deliver_no_ack: deliveredSettled,
    get: got,
    get_empty: gotNothing,
    get_no_ack: gotSettled,
    redeliver: redelivered,
  };
  const publishes = {
    confirm: counts.confirmed,
    drop_unroutable: counts.dropped,
    publish: counts.published,
    return_unroutable: counts.returned,
  };
  const stats: Record<string, unknown> = {};
  for (const group of [deliveries, publishes]) {
    if (!Object.values(group).some((value) => value > 0)) continue;
    for (const [name, value] of Object.entries(group)) Object.assign(stats, detailed(name, value, 0));
  }
  return Object.keys(stats).length === 0 ? undefined : stats;
}

function any<C extends string>(measured: Measured<C>, columns: Columns<C>): boolean {
  return Object.values(columns).some((names) => names.some((column) => measured.value(column) > 0));
}

/** Numbers with their `_details`, each the sum of these columns. */
export function shown<C extends string>(
  measured: Measured<C>,
  columns: Columns<C>,
  history: HistoryQuery['messages'],
): Record<string, unknown> {
  const stats: Record<string, unknown> = {};
  for (const [name, summed] of Object.entries(columns)) {
    const value = sum(summed, (column) => measured.value(column));
    const rate = sum(summed, (column) => measured.rate(column));
    const samples = history === undefined ? [] : summedSamples(measured, summed, history);
    Object.assign(stats, detailed(name, value, rate, samples));
  }
  return stats;
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

function sum<C>(columns: readonly C[], read: (column: C) => number): number {
  let total = 0;
  for (const column of columns) total += read(column);
  return total;
}
