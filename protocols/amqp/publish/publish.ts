/**
 * basic.publish and its content: the hot path in. A publish whose frames come in one chunk to a route that was used
 * lately allocates nothing here. [§1.8.3.6]
 */
import { type Draft, MARK_REFUSED, type Route } from '../../../src/api/index.ts';
import type { Channel } from '../channel/channel.ts';
import { BASIC_RETURN, REPLY } from '../codec/constants.ts';
import { FieldsFault } from '../codec/fault.ts';
import { AmqpError } from '../connection/errors.ts';
import { writeBody, writeHeader } from '../deliver/content-frames.ts';
import type { Returned } from './transaction.ts';

/** False: the broker wants no messages now; the same frame again later. */
export function publishMethod(channel: Channel, buffer: Buffer, start: number, end: number): boolean {
  const { connection } = channel;
  if (connection.holdBack()) return false;
  //     u16 reserved | u8 length, exchange | u8 length, routing key | u8 mandatory, immediate
  const exchangeStart = start + 3;
  const exchangeEnd = exchangeStart + (start + 2 < end ? buffer[start + 2]! : end);
  const keyStart = exchangeEnd + 1;
  const keyEnd = keyStart + (exchangeEnd < end ? buffer[exchangeEnd]! : end);
  if (keyEnd + 1 !== end) throw new FieldsFault(buffer, start, end);
  const bits = buffer[keyEnd]!;
  if ((bits & 2) !== 0) throw new AmqpError('NOT_IMPLEMENTED', 'immediate=true');
  const route = connection.routes!.find(buffer, exchangeStart, exchangeEnd, keyStart, keyEnd);
  channel.intake.begin(route, (bits & 1) !== 0);
  connection.channels.openContents++;
  return true;
}

export function publishHeader(channel: Channel, buffer: Buffer, start: number, end: number): void {
  if (channel.intake.header(buffer, start, end)) publish(channel);
}

/** False as for `publishMethod`: a large body is held back in the middle. */
export function publishBody(channel: Channel, buffer: Buffer, start: number, end: number): boolean {
  const { intake } = channel;
  if (intake.writing && channel.connection.holdBack()) return false;
  if (intake.body(buffer, start, end)) publish(channel);
  return true;
}

function publish(channel: Channel): void {
  const { intake, connection } = channel;
  const { draft } = intake;
  // Bindings may have changed since the method frame.
  const route = intake.freshRoute(connection.routes!);
  if (channel.transaction !== null) channel.transaction.publish(route, draft, intake.mandatory);
  else publishNow(channel, route, draft, intake.mandatory);
  intake.end();
  connection.channels.openContents--;
}

function publishNow(channel: Channel, route: Route, draft: Draft, mandatory: boolean): void {
  const { session } = channel;
  const { stats } = channel.connection;
  // What nobody took is gone from the log when `publish` returns, unless it is being read.
  const large = mandatory && draft.large !== null ? session.readBody(draft.large) : null;
  const mark = session.publish(route, draft);
  if (mark === MARK_REFUSED) stats.refused++;
  else if (draft.routed === 0) stats.unroutable++;
  if (mandatory && draft.routed === 0 && mark !== MARK_REFUSED) {
    stats.returned++;
    // Before the confirm, which comes at the end of this turn at the earliest.
    sendReturn(channel, {
      exchange: route.exchangeBytes,
      key: route.keyBytes,
      props: draft.props.subarray(draft.propsStart, draft.propsEnd),
      body: draft.body.subarray(draft.bodyStart, draft.bodyEnd),
      large,
    });
  } else large?.close();
  channel.confirms?.push(mark);
}

/** Gives a mandatory message back that no queue took. [§1.8.3.9] */
export function sendReturn(channel: Channel, message: Returned): void {
  const { payloadBytesMax } = channel.connection;
  channel.send(
    channel
      .begin(BASIC_RETURN)
      .uint16(REPLY.NO_ROUTE)
      .shortString('NO_ROUTE')
      .shortString(message.exchange.utf8Slice())
      .shortString(message.key.utf8Slice()),
  );
  const { props, body, large } = message;
  writeHeader(channel.out, channel.id, large?.length ?? body.length, props, 0, props.length);
  if (large !== null) channel.sendBody(large);
  else writeBody(channel.out, channel.id, body, 0, body.length, payloadBytesMax);
}
