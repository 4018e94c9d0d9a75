/** The `destination` line belongs to the message it is asked for, whichever one came before. */
import { expect, test } from 'vitest';
import { DestinationLine } from '../../../../protocols/stomp/deliver/destination-line.ts';
import type { MessageView } from '../../../../src/message/message.ts';

function view(exchange: string, key: string, spelling = 0, lead = 0): MessageView {
  const head = Buffer.from('.'.repeat(lead) + exchange + key);
  const exchangeEnd = lead + Buffer.byteLength(exchange);
  return {
    head,
    spelling,
    exchangeStart: lead,
    exchangeEnd,
    keyStart: exchangeEnd,
    keyEnd: head.length,
    exchange: () => exchange,
    key: () => key,
  } as unknown as MessageView;
}

const line = (of: DestinationLine, ...address: Parameters<typeof view>): string => {
  of.find(view(...address));
  return of.line.toString();
};

test('each message has its own, in any order', () => {
  const lines = new DestinationLine(12, new Map());
  const cases: [string, string, number, string][] = [
    ['', 'q', 0, 'destination:/queue/q\n'],
    ['', 'qq', 0, 'destination:/queue/qq\n'],
    ['q', 'q', 0, 'destination:/exchange/q/q\n'],
    ['qq', '', 0, 'destination:/exchange/qq\n'],
    ['', '', 0, 'destination:/queue/\n'],
    ['amq.topic', 'a/b', 0, 'destination:/topic/a%2Fb\n'],
    ['amq.topic', 'a/b', 1, 'destination:/topic/a.b\n'],
    ['amq.topic', 'a.b', 0, 'destination:/topic/a.b\n'],
    ['x', 'a:b', 0, 'destination:/exchange/x/a\\cb\n'],
    ['a', 'aa', 0, 'destination:/exchange/a/aa\n'],
    ['a', 'ab', 0, 'destination:/exchange/a/ab\n'],
  ];
  for (const [exchange, key, spelling, expected] of cases) {
    for (const [first, second, third] of cases) {
      line(lines, first, second, third);
      expect(line(lines, exchange, key, spelling, 3)).toBe(expected);
      expect(line(lines, exchange, key, spelling)).toBe(expected);
    }
  }
});

test('is shared by those who know the same lines, a few thousand of them', () => {
  const known = new Map<string, Buffer>();
  const [one, other] = [new DestinationLine(12, known), new DestinationLine(12, known)];
  line(one, '', 'q');
  line(other, '', 'q');
  expect(other.line).toBe(one.line);
  for (let i = 0; i < 4_095; i++) line(one, '', `q${i}`);
  expect(known.size).toBe(4_096);
  line(one, '', 'one more');
  expect(known.size).toBe(1);
  expect(line(other, '', 'q')).toBe('destination:/queue/q\n');
});
