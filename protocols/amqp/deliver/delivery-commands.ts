/**
 * Words about deliveries for which the protocol has no method: they are published to an address of the default exchange that no queue
 * can have, so that every client library can say them, and are confirmed as publishes are.
 *
 *     amq.delivery.renew     header `x-delivery-tag`: one tag, or a list of them; without: all that the channel's consumers hold
 *
 * A word that comes too late is answered with basic.nack on a channel in confirm mode, and with basic.return if it was `mandatory`; the
 * channel stays open. It is no message: in a transaction it is carried out at once.
 */
import {
  DOT,
  type Draft,
  integerOf,
  MARK_NOW,
  MARK_REFUSED,
  type Mark,
  type Route,
  type Share,
  type Value,
} from '../../../src/api/index.ts';
import { readHeader } from '../codec/properties.ts';
import { AmqpError } from '../connection/errors.ts';
import type { ChannelConsumer } from './consumer.ts';
import type { Unsettled } from './unsettled.ts';

const TAGS_MAX = 4_096;
const TAG_HEADER = 'x-delivery-tag';

/** The channel, as words about its deliveries see it. */
export interface CommandedChannel {
  readonly unsettled: Unsettled;
  readonly consumers: ReadonlyMap<string, ChannelConsumer>;
  readonly host: { readonly share: Share };
}

/** An address that is not one of messages. */
class CommandRoute implements Route {
  readonly spelling = DOT;
  readonly bytes: Buffer;
  readonly start = 0;
  readonly keyStart = 0;
  readonly end: number;
  readonly exchangeBytes = Buffer.alloc(0);
  readonly keyBytes: Buffer;
  readonly leadsSomewhere = true;
  readonly valid = true;
  readonly acceptsDelay = false;

  constructor(key: string) {
    this.bytes = Buffer.from(key);
    this.keyBytes = this.bytes;
    this.end = this.bytes.length;
  }
}

export const RENEW: Route = new CommandRoute('amq.delivery.renew');
const COMMANDS = [RENEW];

/** Undefined: it is an address of messages, as nearly always. */
export function commandAt(exchange: string, key: Buffer, start: number, end: number): Route | undefined {
  if (exchange !== '') return undefined;
  return COMMANDS.find(({ bytes }) => bytes.length === end - start && bytes.compare(key, start, end) === 0);
}

/**
 * Carries out what was published to a command's address.
 * @returns MARK_REFUSED: what it names is not held any more
 * @throws AmqpError PRECONDITION_FAILED for headers that say nothing
 */
export function carryOut(_command: Route, channel: CommandedChannel, draft: Draft): Mark {
  const tags = tagsOf(draft);
  return (tags === null ? renewAll(channel) : renew(channel, tags)) ? MARK_NOW : MARK_REFUSED;
}

function renew({ unsettled, host }: CommandedChannel, tags: readonly number[]): boolean {
  let held = true;
  for (const tag of tags) {
    held = unsettled.renew(tag) && held;
    host.share.work.spend(1);
  }
  return held;
}

function renewAll({ consumers, host }: CommandedChannel): boolean {
  let held = true;
  for (const { consumer } of consumers.values()) {
    if (consumer !== undefined) held = consumer.renewAll() && held;
    host.share.work.spend(1);
  }
  return held;
}

/** Null: all. */
function tagsOf({ props, propsStart, propsEnd }: Draft): number[] | null {
  const value = readHeader(props, propsStart, propsEnd, TAG_HEADER);
  if (value === undefined) return null;
  const values: readonly Value[] = isList(value) ? value.value : [value];
  if (values.length > TAGS_MAX) throw wrong(`at most ${TAGS_MAX} of them`);
  return values.map((one) => {
    const tag = integerOf(one);
    if (tag === undefined || tag < 1) throw wrong('a delivery tag, or a list of them');
    return tag;
  });
}

function isList(value: Value): value is Extract<Value, { type: 'list' }> {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'list';
}

function wrong(expected: string): AmqpError {
  return new AmqpError('PRECONDITION_FAILED', `invalid header '${TAG_HEADER}': expected ${expected}`);
}
