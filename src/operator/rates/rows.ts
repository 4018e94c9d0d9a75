/** The rows that are sampled: of a queue, of a vhost, of an exchange, of a channel. */
import type { ChannelCounts } from '../../api/channel-counts.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Counters } from '../../vhost/counters.ts';
import type { Vhost } from '../../vhost/vhost.ts';

/** The columns of a queue, in their order. */
export const QUEUE_COLUMNS = [
  'published',
  'delivered',
  'deliveredSettled',
  'got',
  'gotSettled',
  'gotNothing',
  'redelivered',
  'acknowledged',
  'ready',
  'unsettled',
] as const;
export type QueueColumn = (typeof QUEUE_COLUMNS)[number];

export function queueRow(queue: Queue, row: Float64Array): void {
  const { traffic } = queue;
  if (traffic === null) row.fill(0, 0, 8);
  else {
    row[0] = traffic.published;
    row[1] = traffic.delivered;
    row[2] = traffic.deliveredSettled;
    row[3] = traffic.got;
    row[4] = traffic.gotSettled;
    row[5] = traffic.gotNothing;
    row[6] = traffic.redelivered;
    row[7] = traffic.acknowledged;
  }
  row[8] = queue.count;
  row[9] = queue.unsettledCount;
}

/** One of them. */
export function queueNumber(queue: Queue, column: QueueColumn): number {
  if (column === 'ready') return queue.count;
  if (column === 'unsettled') return queue.unsettledCount;
  return queue.traffic === null ? 0 : queue.traffic[column];
}

/** The columns of a vhost. */
export const VHOST_COLUMNS = [...QUEUE_COLUMNS, 'confirmed', 'unroutable'] as const;
export type VhostColumn = (typeof VHOST_COLUMNS)[number];

/** Of all its queues, those that are gone included. */
export interface VhostTotals {
  ready: number;
  unsettled: number;
  consumers: number;
}

export function vhostRow(vhost: Vhost, totals: Pick<VhostTotals, 'ready' | 'unsettled'>, row: Float64Array): void {
  const { counters, queueServices } = vhost;
  const { traffic } = queueServices;
  row[0] = counters.published;
  row[1] = traffic.delivered;
  // What goes past a queue straight to its subscriber need not be settled either.
  row[2] = Math.max(0, counters.delivered - traffic.delivered - traffic.got - traffic.gotSettled);
  row[3] = traffic.got;
  row[4] = traffic.gotSettled;
  row[5] = traffic.gotNothing;
  row[6] = counters.redelivered;
  row[7] = traffic.acknowledged;
  row[8] = totals.ready;
  row[9] = totals.unsettled;
  row[10] = vhost.confirms.confirmed + vhost.writeConfirms.confirmed;
  row[11] = counters.unroutable;
}

/** How messages fail: what the counters of a vhost call it. */
export const FAILURE_COLUMNS = [
  'refused',
  'refusedTransient',
  'refusedFull',
  'refusedBacklog',
  'unroutable',
  'refusedRetained',
  'droppedRejected',
  'droppedAttempts',
  'droppedExpired',
  'droppedMaxLength',
  'droppedDeadLetter',
  'droppedDeadLetterRoom',
  'droppedCycle',
  'droppedDelayed',
  'droppedDirect',
  'droppedForbidden',
  'unreadable',
  'deadLetteredRejected',
  'deadLetteredAttempts',
  'deadLetteredExpired',
  'deadLetteredMaxLength',
  'redelivered',
  'requeued',
  'retried',
  'deliveriesTimedOut',
  'leasesExpired',
] as const satisfies readonly (keyof Counters)[];
export type FailureColumn = (typeof FAILURE_COLUMNS)[number];

export function failureRow({ counters }: Vhost, row: Float64Array): void {
  for (let i = 0; i < FAILURE_COLUMNS.length; i++) row[i] = counters[FAILURE_COLUMNS[i]!];
}

export const CHANNEL_COLUMNS = [
  'published',
  'confirmed',
  'returned',
  'dropped',
  'delivered',
  'deliveredSettled',
  'got',
  'gotSettled',
  'gotNothing',
  'redelivered',
  'acknowledged',
] as const;
export type ChannelColumn = (typeof CHANNEL_COLUMNS)[number];

export function channelRow(counts: ChannelCounts, row: Float64Array): void {
  CHANNEL_COLUMNS.forEach((column, i) => {
    row[i] = counts[column];
  });
}

export const EXCHANGE_COLUMNS = ['publishedIn', 'publishedOut'] as const;
export type ExchangeColumn = (typeof EXCHANGE_COLUMNS)[number];
