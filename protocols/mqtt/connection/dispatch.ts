/** Hands each packet of a connected client to the handler of its type. */
import { writePingresp } from '../codec/encode.ts';
import {
  AUTH,
  CONNECT,
  DISCONNECT,
  LEVEL_3_1,
  MalformedPacket,
  PINGREQ,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from '../codec/packet.ts';
import { PROTOCOL_ERROR } from '../codec/reasons.ts';
import { puback, pubcomp, pubrec } from '../deliver/acknowledge.ts';
import { subscribe, unsubscribe } from '../deliver/subscribe.ts';
import { publish } from '../publish/publish.ts';
import { pubrel } from '../publish/pubrel.ts';
import type { ConnectedClient } from './connected-client.ts';
import { disconnect } from './disconnect.ts';
import { reauthenticate } from './reauthenticate.ts';

/** What SUBSCRIBE and UNSUBSCRIBE cost, whatever they then do; other packets cost 1 (`src/clock/work.ts`). */
const SUBSCRIBE_UNITS = 8;

/**
 * Carries a packet out: `first` is its first byte, `buffer[start, end)` what follows the fixed header.
 * @returns units of work that it costs beside what it does
 * @throws MalformedPacket
 */
export function dispatch(client: ConnectedClient, first: number, buffer: Buffer, start: number, end: number): number {
  const type = first >> 4;
  if (type === PUBLISH) {
    publish(client, first, buffer, start, end);
    return 1;
  }
  checkFlags(first & 15, type, client.level);
  switch (type) {
    case PUBACK:
      puback(client, buffer, start, end);
      return 1;
    case PUBREC:
      pubrec(client, buffer, start, end);
      return 1;
    case PUBREL:
      pubrel(client, buffer, start, end);
      return 1;
    case PUBCOMP:
      pubcomp(client, buffer, start, end);
      return 1;
    case SUBSCRIBE:
      subscribe(client, buffer, start, end);
      return SUBSCRIBE_UNITS;
    case UNSUBSCRIBE:
      unsubscribe(client, buffer, start, end);
      return SUBSCRIBE_UNITS;
    case PINGREQ:
      if (start !== end) throw new MalformedPacket('a PINGREQ that is not empty');
      writePingresp(client.writer.out);
      return 1;
    case DISCONNECT:
      disconnect(client, buffer, start, end);
      return 1;
    case AUTH:
      if (!client.options.v5) throw new MalformedPacket('AUTH before 5.0');
      reauthenticate(client, buffer, start, end);
      return 1;
    case CONNECT:
      throw new MalformedPacket('a second CONNECT [MQTT-3.1.0-2]', PROTOCOL_ERROR);
    default:
      throw new MalformedPacket(`packet type ${type} from a client [MQTT 2.2.1]`, PROTOCOL_ERROR);
  }
}

function checkFlags(flags: number, type: number, level: number): void {
  const expected = type === PUBREL || type === SUBSCRIBE || type === UNSUBSCRIBE ? 2 : 0;
  // 3.1 lets these be marked as sent again.
  if (flags !== expected && !(level === LEVEL_3_1 && (flags & ~8) === expected)) {
    throw new MalformedPacket(`flags ${flags} on packet type ${type} [MQTT-2.2.2-2]`);
  }
}
