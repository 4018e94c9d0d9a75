/** Attacks of WebSocket and HTTP clients. */
import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { type Attack, common, join, u16, u32 } from './attack.ts';
import { MQTT_CONVERSATION, mqtt } from './mqtt.ts';
import { STOMP_CONVERSATION, stomp } from './stomp.ts';

const DEFLATE = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';
/** 16 MiB, packed. */
const BOMB = deflateRawSync(Buffer.alloc(16 * 1024 * 1024, 'x'));

/** @param more header lines, each with its end */
const upgrade = (protocol: string, more = ''): Buffer =>
  join(
    'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n',
    `Sec-WebSocket-Key: ${createHash('md5').update(protocol).digest('base64')}\r\nSec-WebSocket-Version: 13\r\n`,
    `Sec-WebSocket-Protocol: ${protocol}\r\n${more}\r\n`,
  );
/** A masked client frame; the mask is all zeroes, so that the payload is readable in a trace. */
function wsFrame(opcode: number, payload: Buffer, announced = payload.length): Buffer {
  const head =
    announced < 126
      ? Buffer.from([0x80 | opcode, 0x80 | announced])
      : announced < 65_536
        ? join(Buffer.from([0x80 | opcode, 0xfe]), u16(announced))
        : join(Buffer.from([0x80 | opcode, 0xff]), u32(Math.floor(announced / 2 ** 32)), u32(announced % 2 ** 32));
  return join(head, u32(0), payload);
}
const WS_MQTT = join(upgrade('mqtt'), wsFrame(2, MQTT_CONVERSATION));
const WS_STOMP = join(upgrade('v12.stomp'), wsFrame(1, STOMP_CONVERSATION));
export const ws: readonly Attack[] = [
  ...common(WS_MQTT, upgrade('mqtt').length),
  ...common(WS_STOMP, upgrade('v12.stomp').length),
  { name: 'giant frame', bytes: () => join(upgrade('mqtt'), wsFrame(2, Buffer.alloc(100), 2 ** 52)) },
  {
    name: 'frame of a negative length',
    bytes: () => join(upgrade('mqtt'), Buffer.from([0x82, 0xff]), Buffer.alloc(8, 0xff)),
  },
  { name: 'frame without a mask', bytes: () => join(upgrade('mqtt'), Buffer.from([0x82, 4]), 'abcd') },
  {
    name: 'a compressed bomb that nobody has agreed on',
    bytes: () => join(upgrade('mqtt', DEFLATE), wsFrame(0x42, BOMB)),
  },
  { name: 'a page of another origin', bytes: () => join(upgrade('mqtt', 'Origin: https://evil.example\r\n'), WS_MQTT) },
  {
    name: 'text that is not UTF-8',
    bytes: () => join(upgrade('v12.stomp'), wsFrame(1, Buffer.from([0xff, 0xfe, 0xfd]))),
  },
  {
    name: 'hostile MQTT inside',
    bytes: (chance) => join(upgrade('mqtt'), wsFrame(2, chance.pick(mqtt).bytes(chance))),
  },
  {
    name: 'hostile STOMP inside',
    bytes: (chance) => join(upgrade('v12.stomp'), wsFrame(2, chance.pick(stomp).bytes(chance))),
  },
  {
    name: 'sub-protocols that are none',
    bytes: (chance) => upgrade(chance.pick(['soap', 'mqtt, mqtt', 'v99.stomp', ',', 'x'.repeat(4_000)])),
  },
];

const HTTP_REQUEST = join('GET /healthz HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n');
export const http: readonly Attack[] = [
  ...common(HTTP_REQUEST, HTTP_REQUEST.length - 4),
  { name: 'a header without end', bytes: () => join('GET / HTTP/1.1\r\nx: ', Buffer.alloc(100_000, 'h')) },
  {
    name: 'a body announced and never sent',
    bytes: () => join('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\nabc'),
  },
  {
    name: 'chunks that are none',
    bytes: () =>
      join('POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc'),
  },
  {
    name: 'paths that lead out',
    bytes: (chance) =>
      join(`GET ${chance.pick(['/../../etc/passwd', '/%00', '/%2e%2e%2f', '//'])} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
  },
  { name: 'hostile WebSocket', bytes: (chance) => chance.pick(ws).bytes(chance) },
];
