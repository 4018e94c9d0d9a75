/** As much of MQTT 3.1.1 as a page needs to publish and to subscribe: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html */

const CONNECT = 0x10;
const PUBLISH = 0x30;
const SUBSCRIBE = 0x82;
const PINGREQ = 0xc0;
const DISCONNECT = 0xe0;
const CLEAN_SESSION = 0x02;
const WITH_PASSWORD = 0x40;
const WITH_NAME = 0x80;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function text(value: string): number[] {
  const bytes = encoder.encode(value);
  return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
}

function packet(first: number, ...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const body = parts.reduce((sum, part) => sum + part.length, 0);
  const length: number[] = [];
  let rest = body;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  const whole = new Uint8Array(1 + length.length + body);
  whole.set([first, ...length]);
  let at = 1 + length.length;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function connectPacket(
  clientId: string,
  name: string,
  password: string,
  keepAliveS: number,
): Uint8Array<ArrayBuffer> {
  const flags = CLEAN_SESSION | WITH_NAME | WITH_PASSWORD;
  const head = [...text('MQTT'), 4, flags, keepAliveS >> 8, keepAliveS & 0xff];
  return packet(CONNECT, head, text(clientId), text(name), text(password));
}

export const subscribePacket = (id: number, filter: string): Uint8Array<ArrayBuffer> =>
  packet(SUBSCRIBE, [id >> 8, id & 0xff], text(filter), [0]);

export const publishPacket = (topic: string, payload: string, retain: boolean): Uint8Array<ArrayBuffer> =>
  packet(PUBLISH | (retain ? 1 : 0), text(topic), encoder.encode(payload));

export const pingPacket = (): Uint8Array<ArrayBuffer> => packet(PINGREQ);
export const disconnectPacket = (): Uint8Array<ArrayBuffer> => packet(DISCONNECT);

export type MqttPacket =
  | { readonly kind: 'connack'; readonly code: number }
  | { readonly kind: 'suback'; readonly refused: boolean }
  | { readonly kind: 'publish'; readonly topic: string; readonly payload: string; readonly retained: boolean }
  | { readonly kind: 'other' };

/** Packets out of what comes, whatever way it was cut. */
export class MqttReader {
  private rest = new Uint8Array(0);

  push(bytes: Uint8Array): MqttPacket[] {
    const all = new Uint8Array(this.rest.length + bytes.length);
    all.set(this.rest);
    all.set(bytes, this.rest.length);
    const packets: MqttPacket[] = [];
    let at = 0;
    for (;;) {
      const head = lengthAt(all, at + 1);
      if (head === undefined || head.end + head.length > all.length) break;
      packets.push(read(all[at]!, all.subarray(head.end, head.end + head.length)));
      at = head.end + head.length;
    }
    this.rest = all.slice(at);
    return packets;
  }
}

function lengthAt(bytes: Uint8Array, at: number): { length: number; end: number } | undefined {
  let length = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 0x80 ** i;
    if (byte < 0x80) return { length, end: at + i + 1 };
  }
  throw new Error('a packet with a length that MQTT does not have');
}

function read(first: number, body: Uint8Array): MqttPacket {
  switch (first >> 4) {
    case 2:
      return { kind: 'connack', code: body[1] ?? 0 };
    case 9:
      return { kind: 'suback', refused: (body[2] ?? 0) >= 0x80 };
    case 3: {
      const topicLength = (body[0]! << 8) | body[1]!;
      // Nothing is subscribed to but at QoS 0: what comes has no number.
      const [topic, payload] = [body.subarray(2, 2 + topicLength), body.subarray(2 + topicLength)];
      return {
        kind: 'publish',
        topic: decoder.decode(topic),
        payload: decoder.decode(payload),
        retained: (first & 1) === 1,
      };
    }
    default:
      return { kind: 'other' };
  }
}
