/** Dispatch of methods: from a method frame on an open channel to the handler of its class. Publishes and settlements first: they are hot. */
import {
  BASIC_ACK,
  BASIC_NACK,
  BASIC_PUBLISH,
  BASIC_REJECT,
  CLASS_ACCESS,
  CLASS_BASIC,
  CLASS_CHANNEL,
  CLASS_CONFIRM,
  CLASS_CONNECTION,
  CLASS_EXCHANGE,
  CLASS_QUEUE,
  CLASS_TX,
} from '../codec/constants.ts';
import { unimplementedMethod, unknownMethod } from '../connection/method-errors.ts';
import { basicMethod } from '../deliver/basic-methods.ts';
import { acknowledge, nack, reject } from '../deliver/settle-methods.ts';
import { confirmMethod } from '../publish/confirm-methods.ts';
import { publishMethod } from '../publish/publish.ts';
import { txMethod } from '../publish/transaction-methods.ts';
import { exchangeMethod } from '../topology/exchange-methods.ts';
import { queueMethod } from '../topology/queue-methods.ts';
import { accessMethod } from './access-methods.ts';
import type { Channel } from './channel.ts';
import { channelOwnMethod } from './channel-methods.ts';

/** False: not now, the same frame again later. */
export function channelMethod(channel: Channel, buffer: Buffer, start: number, end: number): boolean {
  const classId = (buffer[start]! << 8) | buffer[start + 1]!;
  const method = (classId << 16) | (buffer[start + 2]! << 8) | buffer[start + 3]!;
  channel.method = method;
  if (method === BASIC_PUBLISH) return publishMethod(channel, buffer, start + 4, end);
  if (method === BASIC_ACK) {
    acknowledge(channel, buffer, start + 4, end);
    return true;
  }
  const { host } = channel;
  const { work } = host.share;
  if (method === BASIC_NACK || method === BASIC_REJECT) {
    const back =
      method === BASIC_NACK ? nack(channel, buffer, start + 4, end) : reject(channel, buffer, start + 4, end);
    // What dies may take a while to be sent on.
    if (!back) work.checkTime();
    return true;
  }
  work.checkTime();
  const fields = host.fields.begin(buffer, start + 4, end);
  switch (classId) {
    case CLASS_BASIC:
      basicMethod(channel, method, fields);
      return true;
    case CLASS_QUEUE:
      queueMethod(channel, method, fields);
      return true;
    case CLASS_EXCHANGE:
      exchangeMethod(channel, method, fields);
      return true;
    case CLASS_CHANNEL:
      channelOwnMethod(channel, method, fields);
      return true;
    case CLASS_CONFIRM:
      confirmMethod(channel, method, fields);
      return true;
    case CLASS_TX:
      txMethod(channel, method, fields);
      return true;
    case CLASS_ACCESS:
      accessMethod(channel, method, fields);
      return true;
    case CLASS_CONNECTION:
      throw unimplementedMethod(); // on a channel of its own, as if there were no such method
    default:
      throw unknownMethod(method);
  }
}
