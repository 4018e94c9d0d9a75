/**
 * Redis' protocol: conversations in both versions that use every command, in arrays and inline.
 *
 * World lets no time pass, so what waits for an element waits until its client leaves; each conversation waits but once, at its end.
 */
import { type RedisProtocol, redis } from '../../../protocols/redis/index.ts';
import type { FuzzTarget } from '../target.ts';

function command(...words: readonly (string | Buffer)[]): Buffer {
  const parts = words.flatMap((word) => {
    const bytes = Buffer.from(word as string);
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}

const text = (...texts: string[]): Buffer[] => texts.map((it) => Buffer.from(it));

const lists: Buffer[] = [
  command('LPUSH', 'fuzzed', 'a', 'b', Buffer.of(0, 1, 255)),
  command('RPOP', 'fuzzed'),
  command('LLEN', 'fuzzed'),
  command('BRPOP', 'fuzzed', 'other', '0'),
  command('LMOVE', 'fuzzed', 'moved', 'RIGHT', 'LEFT'),
  command('BLMOVE', 'moved', 'fuzzed', 'RIGHT', 'LEFT', '1.5'),
  command('RPUSH', 'turned', 'x'.repeat(140_000), 'y'),
  command('LPOP', 'turned'),
  command('BLPOP', 'turned', '1e-2'),
  command('EXISTS', 'fuzzed', 'turned'),
  command('DEL', 'fuzzed', 'other', 'turned', 'moved'),
  text('LPUSH typed "a \\x41" \'b\'\r\n')[0]!,
  text('RPOP typed\n')[0]!,
  command('QUIT'),
];

const channels: Buffer[] = [
  command('SUBSCRIBE', 'a.b', 'a.*', '#'),
  command('PSUBSCRIBE', 'a.*', 'h[a-c]?\\*'),
  command('PUBLISH', 'a.b', 'm'),
  command('PUBLISH', 'a.b', 'x'.repeat(140_000)),
  command('PUBSUB', 'NUMSUB', 'a.b'),
  command('PUBSUB', 'CHANNELS', 'a*'),
  command('PUBSUB', 'NUMPAT'),
  command('PING', 'x'),
  command('UNSUBSCRIBE', 'a.b'),
  command('PUNSUBSCRIBE'),
  command('UNSUBSCRIBE'),
  command('RESET'),
  command('AUTH', 'guest', 'guest'),
  command('PUBLISH', 'a.b', ''),
];

const asking: Buffer[] = [
  command('CLIENT', 'SETNAME', 'me'),
  command('CLIENT', 'SETINFO', 'LIB-NAME', 'x'),
  command('CLIENT', 'GETNAME'),
  command('CLIENT', 'ID'),
  command('INFO'),
  command('COMMAND'),
  command('COMMAND', 'DOCS'),
  command('SELECT', '0'),
  command('ECHO', 'x'),
  command('HELLO'),
  text('\r\n')[0]!,
  text('*0\r\n')[0]!,
];

/** Makes the lengths fit what stands behind them again. */
function repair(packet: Buffer): Buffer {
  const words = packet.latin1Slice().split('\r\n').slice(1);
  return command(...words.filter((_, i) => i % 2 === 1).map((word) => Buffer.from(word, 'latin1')));
}

export const redisTarget: FuzzTarget = {
  name: 'redis',
  protocol: () => redis({ commandSizeMax: 256 * 1024, argumentsMax: 64, subscriptionsMax: 32 }),
  conversations: [
    { prelude: [], packets: lists },
    { prelude: [command('HELLO', '3', 'AUTH', 'guest', 'guest')], packets: channels },
    { prelude: [command('HELLO', '3')], packets: [...channels.slice(0, 4), ...lists] },
    { prelude: [], packets: asking },
  ],
  dictionary: text(
    '\r\n',
    '*',
    '$',
    '*1\r\n',
    '*-1\r\n',
    '*99999\r\n',
    '$-1\r\n',
    '$0\r\n\r\n',
    '$200000\r\n',
    '$99999999999999999999\r\n',
    '"',
    "'",
    '\\',
    '\\x',
    '[',
    '[^',
    '*a*a*a*a*',
    '#',
    '.',
    '-1',
    '1e300',
    'inf',
    'LEFT',
    'RIGHT',
    'RPOP',
    'LPOP',
    'RPUSH',
    'BRPOP',
    'SUBSCRIBE',
    'RESET',
    'HELLO',
    'POST',
    'fuzzed',
    'turned',
    'amq.topic',
    '__proto__',
    'é',
  ),
  repair,
  internalErrors: (protocol) => (protocol as RedisProtocol).stats.internalErrors,
  complaints: (protocol) => (protocol as RedisProtocol).stats.errorsSent,
};
