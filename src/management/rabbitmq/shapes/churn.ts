/** What came and went in the whole broker, in RabbitMQ's words. */
import type { OverallColumn } from '../../../operator/overall.ts';
import type { Measured } from '../../../operator/rates/measured.ts';
import type { HistoryQuery } from './details.ts';
import { shown } from './message-stats.ts';

const CHURN = {
  channel_closed: ['channelsClosed'],
  channel_created: ['channelsOpened'],
  connection_closed: ['connectionsClosed'],
  connection_created: ['connectionsOpened'],
  queue_created: ['queuesCreated'],
  queue_declared: ['queuesDeclared'],
  queue_deleted: ['queuesDeleted'],
} as const;

export function churnRates(measured: Measured<OverallColumn>, { node }: HistoryQuery): object {
  return shown(measured, CHURN, node);
}
