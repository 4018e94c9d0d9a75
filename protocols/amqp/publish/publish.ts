/**
 * basic.publish and its content: the hot path in. A publish whose frames come in one chunk to a route that was used
 * lately allocates nothing here. [§1.8.3.6]
 */
import { type Draft, MARK_REFUSED, type Route, type Session } from '../../../src/api/index.ts';
import { FieldsFault } from '../codec/faults.ts';
import { AmqpError } from '../connection/errors.ts';
import { type CommandedChannel, carryOut, isCommand } from '../deliver/delivery-commands.ts';
import type { AmqpStats } from '../stats.ts';
import type { Confirms } from './confirms.ts';
import type { ContentAssembler } from './content-assembler.ts';
import type { Routes } from './routes.ts';
import type { ReturnSink, TransactionState } from './transaction.ts';

/** The connection as publishing sees it. */
export interface PublishHost {
  readonly routes: Routes;
  readonly stats: AmqpStats;
  readonly channels: {
    /** Publishes whose body is not whole yet. */
    openContents: number;
  };
  /** True, and nothing more is parsed for now, if the broker wants no messages at the moment. */
  holdBack(): boolean;
}

/** The channel as publishing sees it. */
export interface PublishChannel extends CommandedChannel {
  readonly session: Session;
  readonly host: PublishHost & CommandedChannel['host'];
  readonly assembler: ContentAssembler;
  readonly confirms: Confirms | null;
  readonly transaction: TransactionState | null;
  readonly writer: ReturnSink;
  readonly counts: { published: number; returned: number; dropped: number };
}

/** False: the broker wants no messages now; the same frame again later. */
export function publishMethod(channel: PublishChannel, buffer: Buffer, start: number, end: number): boolean {
  const { host } = channel;
  if (host.holdBack()) return false;
  //     u16 reserved | u8 length, exchange | u8 length, routing key | u8 mandatory, immediate
  const exchangeStart = start + 3;
  const exchangeEnd = exchangeStart + (start + 2 < end ? buffer[start + 2]! : end);
  const keyStart = exchangeEnd + 1;
  const keyEnd = keyStart + (exchangeEnd < end ? buffer[exchangeEnd]! : end);
  if (keyEnd + 1 !== end) throw new FieldsFault(buffer, start, end);
  const bits = buffer[keyEnd]!;
  if ((bits & 2) !== 0) throw new AmqpError('NOT_IMPLEMENTED', 'immediate=true');
  const route = host.routes.find(buffer, exchangeStart, exchangeEnd, keyStart, keyEnd);
  channel.assembler.begin(route, (bits & 1) !== 0);
  host.channels.openContents++;
  return true;
}

export function publishHeader(channel: PublishChannel, buffer: Buffer, start: number, end: number): void {
  if (channel.assembler.header(buffer, start, end)) publish(channel);
}

/** False as for `publishMethod`: a large body is held back in the middle. */
export function publishBody(channel: PublishChannel, buffer: Buffer, start: number, end: number): boolean {
  const { assembler } = channel;
  if (assembler.writing && channel.host.holdBack()) return false;
  if (assembler.body(buffer, start, end)) publish(channel);
  return true;
}

function publish(channel: PublishChannel): void {
  const { assembler, host } = channel;
  const { draft, target } = assembler;
  // Bindings may have changed since the method frame.
  const route = target.resolve(host.routes);
  if (isCommand(route)) command(channel, route, draft, target.mandatory);
  else if (channel.transaction !== null) channel.transaction.publish(route, draft, target.mandatory);
  else publishNow(channel, route, draft, target.mandatory);
  assembler.end();
  host.channels.openContents--;
}

/** It was no message, but a word about deliveries. */
function command(channel: PublishChannel, route: Route, draft: Draft, mandatory: boolean): void {
  channel.assembler.dropLarge();
  const mark = carryOut(route, channel, draft);
  if (mark === MARK_REFUSED && mandatory) {
    channel.host.stats.returned++;
    channel.writer.returned({
      exchange: route.exchangeBytes,
      key: route.keyBytes,
      props: draft.props.subarray(draft.propsStart, draft.propsEnd),
      body: draft.body.subarray(draft.bodyStart, draft.bodyEnd),
      large: null,
    });
  }
  channel.confirms?.push(mark);
}

function publishNow(channel: PublishChannel, route: Route, draft: Draft, mandatory: boolean): void {
  const { session, counts } = channel;
  const { stats } = channel.host;
  // What nobody took is gone from the log when `publish` returns, unless it is being read.
  const large = mandatory && draft.large !== null ? session.readBody(draft.large) : null;
  const mark = session.publish(route, draft);
  counts.published++;
  if (mark === MARK_REFUSED) stats.refused++;
  else if (draft.routed === 0) {
    stats.unroutable++;
    if (mandatory) counts.returned++;
    else counts.dropped++;
  }
  if (mandatory && draft.routed === 0 && mark !== MARK_REFUSED) {
    stats.returned++;
    // Before the confirm, which comes at the end of this turn at the earliest.
    channel.writer.returned({
      exchange: route.exchangeBytes,
      key: route.keyBytes,
      props: draft.props.subarray(draft.propsStart, draft.propsEnd),
      body: draft.body.subarray(draft.bodyStart, draft.bodyEnd),
      large,
    });
  } else large?.close();
  channel.confirms?.push(mark);
}
