/** Attacks of MQTT clients. */
import { type Attack, common, join, u16 } from './attack.ts';

const string16 = (text: string): Buffer => join(u16(text.length), text);
/** A number as MQTT writes lengths. */
function length(of: number): Buffer {
  const bytes: number[] = [];
  let rest = of;
  do {
    const low = rest & 127;
    rest >>>= 7;
    bytes.push(rest > 0 ? low | 128 : low);
  } while (rest > 0);
  return Buffer.from(bytes);
}
const packet = (head: number, body: Buffer, announced = body.length): Buffer =>
  join(Buffer.from([head]), length(announced), body);
const mqttConnect = (flags: number, clientId: string, ...more: Buffer[]): Buffer =>
  packet(0x10, join(string16('MQTT'), Buffer.from([4, flags]), u16(60), string16(clientId), ...more));
const MQTT_HANDSHAKE = mqttConnect(2, '');
const mqttConnect5 = (properties: Buffer): Buffer =>
  packet(0x10, join(string16('MQTT'), Buffer.from([5, 2]), u16(60), properties, string16('')));
const MQTT_5_HANDSHAKE = mqttConnect5(Buffer.from([0]));
const section = (properties: Buffer): Buffer => join(length(properties.length), properties);
const USER_PROPERTIES = join(
  ...Array.from({ length: 20_000 }, (_, i) => join(Buffer.from([0x26]), string16(`hostile-${i}`), string16('x'))),
);
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
  {
    name: 'user properties by the thousand',
    bytes: () => join(MQTT_5_HANDSHAKE, packet(0x30, join(string16('hostile/key'), section(USER_PROPERTIES), 'x'))),
  },
  {
    name: 'user properties by the thousand in CONNECT',
    bytes: () => mqttConnect5(section(USER_PROPERTIES)),
  },
  {
    name: 'a section of properties longer than its packet',
    bytes: () =>
      join(MQTT_5_HANDSHAKE, packet(0x30, join(string16('hostile/key'), length(200_000_000), USER_PROPERTIES))),
  },
  { name: 'a second CONNECT', bytes: () => join(MQTT_HANDSHAKE, MQTT_HANDSHAKE) },
  {
    name: 'kept sessions of random names',
    bytes: (chance) => mqttConnect(chance.pick([0xff, 0xc4, 0x36]), chance.bytes(30).toString('latin1')),
  },
];
