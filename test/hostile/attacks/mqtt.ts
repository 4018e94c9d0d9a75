/** Attacks of MQTT clients. */
import { type Attack, common, join, u16 } from './attack.ts';

const string16 = (text: string): Buffer => join(u16(text.length), text);
function packet(head: number, body: Buffer, length = body.length): Buffer {
  const bytes: number[] = [head];
  let rest = length;
  do {
    const low = rest & 127;
    rest >>>= 7;
    bytes.push(rest > 0 ? low | 128 : low);
  } while (rest > 0);
  return join(Buffer.from(bytes), body);
}
const mqttConnect = (flags: number, clientId: string, ...more: Buffer[]): Buffer =>
  packet(0x10, join(string16('MQTT'), Buffer.from([4, flags]), u16(60), string16(clientId), ...more));
const MQTT_HANDSHAKE = mqttConnect(2, '');
export const MQTT_CONVERSATION = join(
  MQTT_HANDSHAKE,
  packet(0x82, join(u16(1), string16('hostile/+/x'), Buffer.from([1]))),
  packet(0x32, join(string16('hostile/key'), u16(2), 'hello')),
  packet(0x34, join(string16('hostile/key'), u16(3), 'hello')),
  packet(0x62, u16(3)),
  packet(0xc0, Buffer.alloc(0)),
  packet(0xa2, join(u16(4), string16('hostile/+/x'))),
);
export const mqtt: readonly Attack[] = [
  ...common(MQTT_CONVERSATION, MQTT_HANDSHAKE.length),
  { name: 'giant packet before CONNECT', bytes: () => packet(0x10, Buffer.alloc(100), 268_435_455) },
  {
    name: 'giant packet',
    bytes: () => join(MQTT_HANDSHAKE, packet(0x30, join(string16('hostile/key'), Buffer.alloc(1_000)), 268_435_455)),
  },
  {
    name: 'large packet announced and never sent',
    bytes: () =>
      join(MQTT_HANDSHAKE, packet(0x32, join(string16('hostile/key'), u16(1), Buffer.alloc(1_000)), 100_000_000)),
  },
  {
    name: 'a length of five bytes',
    bytes: () => join(MQTT_HANDSHAKE, Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f])),
  },
  {
    name: 'a topic longer than its packet',
    bytes: () => join(MQTT_HANDSHAKE, packet(0x30, join(u16(65_535), 'hostile'))),
  },
  {
    name: 'a topic of ten thousand levels',
    bytes: () => join(MQTT_HANDSHAKE, packet(0x30, string16('/'.repeat(10_000)))),
  },
  {
    name: 'a filter of ten thousand levels',
    bytes: () => join(MQTT_HANDSHAKE, packet(0x82, join(u16(1), string16('+/'.repeat(10_000)), Buffer.from([0])))),
  },
  { name: 'wildcards in a topic', bytes: () => join(MQTT_HANDSHAKE, packet(0x30, string16('hostile/#'))) },
  { name: 'text that is not UTF-8', bytes: () => join(MQTT_HANDSHAKE, packet(0x30, string16('hostile/\xff\xfe'))) },
  {
    name: 'reserved packet types',
    bytes: (chance) => join(MQTT_HANDSHAKE, packet(chance.pick([0x00, 0xf0, 0x36, 0x60, 0x80]), chance.bytes(10))),
  },
  { name: 'a second CONNECT', bytes: () => join(MQTT_HANDSHAKE, MQTT_HANDSHAKE) },
  {
    name: 'kept sessions of random names',
    bytes: (chance) => mqttConnect(chance.pick([0xff, 0xc4, 0x36]), chance.bytes(30).toString('latin1')),
  },
];
