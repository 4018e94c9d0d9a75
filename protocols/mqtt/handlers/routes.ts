/**
 * Where a PUBLISH goes: the routes of its topics, and the topics that mean something of their own.
 *
 *     a/b                  the topic exchange
 *     $queue/q             the default exchange: the queue q
 *     $delayed/<s>/a/b     a/b, in so many seconds
 *     $SYS/…               the broker's alone: refused
 */
import type { Route } from '../../../src/api.ts';
import { BrokerError } from '../../../src/message/errors.ts';
import { SLASH } from '../../../src/message/message.ts';
import { AddressTable } from '../../../src/routing/address-table.ts';
import { MalformedPacket } from '../codec/packet.ts';
import { NOT_AUTHORIZED_5, SUCCESS, TOPIC_NAME_INVALID, UNSPECIFIED_ERROR } from '../codec/reasons.ts';
import { levelsIn, topicFault } from '../codec/text.ts';
import type { Connection } from '../connection.ts';
import { QUEUE_TOPIC_PREFIX } from '../mapping/properties.ts';

const DOLLAR = 0x24;
const DELAYED = /^\$delayed\/(\d{1,10})\/(?=.)/;
const DELAY_MAX_S = 4_294_967;

/** Where a topic leads. One object is filled again and again. */
export class Aim {
  /** Null: it may not be published to; `reason` says why. */
  route: Route | null = null;
  /** Milliseconds to wait, -1 for none. */
  delayMs = -1;
  /** A reason code of 5.0. */
  reason = SUCCESS;
  /** A message to a queue of its own is nobody's retained one. */
  retainable = true;

  begin(): void {
    this.delayMs = -1;
    this.reason = SUCCESS;
    this.retainable = true;
  }
}

/**
 * Finds the route of a topic that is not the last one's. A publisher of many topics gets a table of its own.
 * @throws MalformedPacket for a topic that is none
 */
export function aimAt(connection: Connection, buffer: Buffer, start: number, end: number, aim: Aim): void {
  aim.begin();
  if (connection.lastRoute !== null) {
    connection.routes ??= new AddressTable();
    const found = connection.routes.find(buffer, start, start, start, end);
    if (found?.valid) {
      connection.lastRoute = found;
      aim.route = found;
      return;
    }
  }
  const { adapter } = connection;
  const fault = topicFault(buffer, start, end);
  if (fault !== undefined) throw new MalformedPacket(fault);
  if (levelsIn(buffer, start, end) > adapter.limits.topicLevelsMax) {
    throw new MalformedPacket(`a topic of more than ${adapter.limits.topicLevelsMax} levels`, TOPIC_NAME_INVALID);
  }
  if (buffer[start] === DOLLAR && aimAtSpecial(connection, buffer, start, end, aim)) return;
  const route = routeOf(connection, adapter.limits.exchange, buffer, start, end, aim);
  if (route === null) return;
  connection.routes?.set(buffer, start, start, start, end, route);
  connection.lastRoute = route;
}

/** False: the topic begins with `$` and is like any other. */
function aimAtSpecial(connection: Connection, buffer: Buffer, start: number, end: number, aim: Aim): boolean {
  const topic = buffer.utf8Slice(start, end);
  if (topic.startsWith('$SYS/')) {
    refuse(aim, NOT_AUTHORIZED_5);
    return true;
  }
  if (topic.startsWith(QUEUE_TOPIC_PREFIX) && topic.length > QUEUE_TOPIC_PREFIX.length) {
    aim.retainable = false;
    routeOf(connection, '', buffer, start + QUEUE_TOPIC_PREFIX.length, end, aim);
    return true;
  }
  const delayed = DELAYED.exec(topic);
  if (delayed === null) return false;
  const delayS = Number(delayed[1]);
  if (delayS > DELAY_MAX_S) {
    refuse(aim, TOPIC_NAME_INVALID);
    return true;
  }
  routeOf(connection, connection.adapter.limits.exchange, buffer, start + delayed[0].length, end, aim);
  aim.delayMs = delayS * 1000;
  return true;
}

function routeOf(
  connection: Connection,
  exchange: string,
  buffer: Buffer,
  start: number,
  end: number,
  aim: Aim,
): Route | null {
  try {
    aim.route = connection.session.route(exchange, SLASH, buffer, start, end);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    refuse(aim, error.code === 'access-refused' ? NOT_AUTHORIZED_5 : UNSPECIFIED_ERROR);
  }
  return aim.route;
}

function refuse(aim: Aim, reason: number): void {
  aim.route = null;
  aim.reason = reason;
}
