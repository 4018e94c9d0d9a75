/** MQTT 3.1.1 for the load generator: http://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html */
import type { Talk, TalkOptions } from './talk.ts';
import { joined, u16 } from './talk.ts';

/** Packet identifiers: 1 to this, and again. */
const IDS = 65_535;
const REFUSALS = ['', 'its version', 'the client identifier', 'no service', 'wrong user or password', 'not authorised'];

const text = (value: string): Buffer => joined(u16(Buffer.byteLength(value)), value);

function remaining(length: number): Buffer {
  const bytes: number[] = [];
  let left = length;
  do {
    bytes.push((left % 128) + (left >= 128 ? 128 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.from(bytes);
}

const packet = (first: number, ...rest: (Buffer | string)[]): Buffer => {
  const payload = joined(...rest);
  return joined(Buffer.from([first]), remaining(payload.length), payload);
};

export function mqtt(role: 'producer' | 'consumer', options: TalkOptions): Talk {
  const { user, password, vhost, name, confirmed, index } = options;
  const login = vhost === '/' ? user : `${vhost}:${user}`;
  const topic = text(name);
  const qos = confirmed ? 1 : 0;
  const connect = packet(
    0x10,
    text('MQTT'),
    Buffer.from([4, 0xc2, 0, 0]),
    text(`${name}-${index}`),
    text(login),
    text(password),
  );
  const steps = role === 'producer' ? [connect] : [connect, packet(0x82, u16(1), topic, Buffer.from([qos]))];

  return {
    steps,
    idOf: (n) => ((n - 1) % IDS) + 1,
    clearing: Buffer.alloc(0),
    message(id, body) {
      const head = confirmed ? joined(topic, u16(id)) : topic;
      return [joined(Buffer.from([0x30 | (qos << 1)]), remaining(head.length + body.length), head), body];
    },
    parse(buffer, heard, answers) {
      let at = 0;
      for (;;) {
        let length = 0;
        let bodyAt = at + 1;
        let unit = 1;
        for (; bodyAt < buffer.length; bodyAt++) {
          length += (buffer[bodyAt]! & 127) * unit;
          if ((buffer[bodyAt]! & 128) === 0) break;
          unit *= 128;
        }
        bodyAt++;
        if (bodyAt > buffer.length || bodyAt + length > buffer.length) return at;
        const type = buffer[at]! >> 4;
        if (type === 2 && buffer[bodyAt + 1] !== 0) heard.error(REFUSALS[buffer[bodyAt + 1]!] ?? 'refused');
        else if (type === 9 && buffer[bodyAt + 2]! >= 128) heard.error('the subscription is refused');
        else if (type === 2 || type === 9) heard.step();
        else if (type === 4) heard.confirm(buffer.readUInt16BE(bodyAt), false);
        else if (type === 3) {
          const idAt = bodyAt + 2 + buffer.readUInt16BE(bodyAt);
          const withId = (buffer[at]! & 6) > 0;
          if (withId) answers.push(Buffer.from([0x40, 2, buffer[idAt]!, buffer[idAt + 1]!]));
          heard.message(buffer, withId ? idAt + 2 : idAt);
        }
        at = bodyAt + length;
      }
    },
  };
}
