/** Attacks of STOMP clients. */
import { type Attack, common, join } from './attack.ts';

const STOMP_HANDSHAKE = join('CONNECT\naccept-version:1.2\nhost:/\n\n\x00');
export const STOMP_CONVERSATION = join(
  STOMP_HANDSHAKE,
  'SUBSCRIBE\nid:1\ndestination:/topic/hostile.*\nack:client-individual\nreceipt:1\n\n\x00',
  'SEND\ndestination:/topic/hostile.key\ncontent-length:5\nreceipt:2\n\nhello\x00',
  'BEGIN\ntransaction:t\n\n\x00',
  'SEND\ndestination:/topic/hostile.key\ntransaction:t\n\nhello\x00',
  'COMMIT\ntransaction:t\n\n\x00',
  'UNSUBSCRIBE\nid:1\n\n\x00',
);
const LONG_HEADER = join(STOMP_HANDSHAKE, 'SEND\nh:', Buffer.alloc(10 * 1024 * 1024, 'h'), '\n\n\x00');
export const stomp: readonly Attack[] = [
  ...common(STOMP_CONVERSATION, STOMP_HANDSHAKE.length),
  {
    name: 'giant content-length',
    bytes: (chance) =>
      join(
        STOMP_HANDSHAKE,
        `SEND\ndestination:/topic/hostile\ncontent-length:${chance.pick(['99999999999', '4294967296', '-1', '1e9', '0x10', '18446744073709551616'])}\n\nhello\x00`,
      ),
  },
  {
    name: 'large body announced and never sent',
    bytes: () =>
      join(
        STOMP_HANDSHAKE,
        'SEND\ndestination:/topic/hostile\npersistent:true\ncontent-length:100000000\n\n',
        Buffer.alloc(1_000),
      ),
  },
  { name: 'a command without end', bytes: () => Buffer.alloc(20_000, 'A') },
  { name: 'a header without end', bytes: () => join(STOMP_HANDSHAKE, 'SEND\n', Buffer.alloc(200_000, 'h')) },
  { name: 'a header of 10 MiB', bytes: () => LONG_HEADER },
  {
    name: 'ten thousand headers',
    bytes: () => join(STOMP_HANDSHAKE, 'SEND\ndestination:/topic/hostile\n', 'a:b\n'.repeat(10_000), '\n\x00'),
  },
  {
    name: 'a body without end',
    bytes: () => join(STOMP_HANDSHAKE, 'SEND\ndestination:/topic/hostile\n\n', Buffer.alloc(100_000, 'x')),
  },
  {
    name: 'headers named as what objects have',
    bytes: () =>
      join(
        STOMP_HANDSHAKE,
        'SEND\ndestination:/topic/hostile\n__proto__:x\nconstructor:y\nhasOwnProperty:z\n\nhello\x00',
      ),
  },
  {
    name: 'forged acks',
    bytes: (chance) => join(STOMP_HANDSHAKE, `ACK\nid:${chance.bytes(6).toString('hex')}\n\n\x00`),
  },
  { name: 'wrong escapes', bytes: () => join(STOMP_HANDSHAKE, 'SEND\ndestination:/topic/\\hostile\\q\n\n\x00') },
  {
    name: 'destinations that are none',
    bytes: (chance) =>
      join(
        STOMP_HANDSHAKE,
        `SUBSCRIBE\nid:1\ndestination:${chance.pick(['/', '//', '/queue/', '/topic/%zz', '/exchange/', '/nowhere/x', ''])}\n\n\x00`,
      ),
  },
  {
    name: 'a transaction that is never committed',
    bytes: () =>
      join(
        STOMP_HANDSHAKE,
        'BEGIN\ntransaction:t\n\n\x00',
        'SEND\ndestination:/topic/hostile\ntransaction:t\n\nhello\x00'.repeat(200),
      ),
  },
];
