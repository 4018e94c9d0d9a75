import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameParser } from '../../../../protocols/stomp/codec/parser.ts';
import { V1_0, V1_1, V1_2, type Version } from '../../../../protocols/stomp/codec/version.ts';
import { HeaderLines } from '../../../../protocols/stomp/mapping/header-lines.ts';
import { STOMP_DIALECT, writeDeaths, writeProperties } from '../../../../protocols/stomp/mapping/properties.ts';
import { StoredHeaders } from '../../../../protocols/stomp/mapping/stored-headers.ts';
import { resolveOptions } from '../../../../protocols/stomp/options.ts';
import { StompStats } from '../../../../protocols/stomp/stats.ts';
import { withDeath } from '../../../../src/message/deaths/annotations.ts';
import { MessageView } from '../../../../src/message/message.ts';
import type { Properties } from '../../../../src/message/properties.ts';

const stats = new StompStats();
const stored = new StoredHeaders(stats);
const parser = new FrameParser(resolveOptions({}));

/** The stored bytes of a SEND with these header lines. */
function store(lines: string, version: Version = V1_2, body = 'x', replyTo?: string): string {
  const bytes = Buffer.from(`SEND\n${lines}\n${body}\0`);
  parser.parse(bytes, 0, bytes.length, version);
  stored.collect(parser, replyTo === undefined ? undefined : { lines: [['reply-to', replyTo]], hidden: ['reply-to'] });
  return stored.buffer.toString('utf8', stored.start, stored.end);
}

function decode(props: string): Properties {
  const view = new MessageView();
  view.props = Buffer.from(`?${props}?`);
  view.propsStart = 1;
  view.propsEnd = view.props.length - 1;
  return STOMP_DIALECT.decode(view);
}

describe('what is stored of a SEND', () => {
  const measured = 'destination:/queue/q\ncontent-length:1\n';
  test.each<[string, string, Version, string]>([
    ["nothing that is the frame's", `${measured}receipt:1\npersistent:true\ntransaction:t\n`, V1_2, ''],
    ['the mark of a text', 'destination:/queue/q\n', V1_2, '\n'],
    ['headers between others', `destination:/q\na:1\nb:2\ncontent-length:1\n`, V1_2, 'a:1\nb:2\n'],
    ['headers around others', `a:1\ndestination:/q\nb:2\ncontent-length:1\nc:3\n`, V1_2, 'a:1\nb:2\nc:3\n'],
    ['headers around others of a text', `a:1\ndestination:/q\nb:2\n`, V1_2, '\na:1\nb:2\n'],
    ['headers of a text that lie together', `destination:/q\nb:2\n`, V1_2, '\nb:2\n'],
    [
      "nothing that is the broker's",
      `${measured}message-id:1\nsubscription:1\nack:1\nredelivered:true\nx:y\n`,
      V1_2,
      'x:y\n',
    ],
    [
      'of a name that comes twice the first',
      `${measured}a:1\nb:2\na:3\npriority:1\npriority:2\n`,
      V1_2,
      'a:1\nb:2\npriority:1\n',
    ],
    ['escapes as they are', `${measured}a\\c:\\n\n`, V1_2, 'a\\c:\\n\n'],
    ['colons escaped', `${measured}a:b:c\n`, V1_2, 'a:b\\cc\n'],
    ['backslashes of 1.0 escaped', `${measured}a: b\\n:\n`, V1_0, 'a:b\\\\n\\c\n'],
    ['CR LF as LF', `${measured}a:b\r\n`, V1_1, 'a:b\n'],
    ['a CR of 1.1 escaped', `${measured}a:b\rc\n`, V1_1, 'a:b\\rc\n'],
  ])('%s', (_, lines, version, expected) => {
    expect(store(lines, version)).toBe(expected);
  });

  test('of many names, too, the first of each', () => {
    const names = Array.from({ length: 40 }, (_, i) => `n${i % 25}:${i}\n`);
    expect(store(`${measured}${names.join('')}`)).toBe(names.slice(0, 25).join(''));
  });

  test('another reply-to than the frame has', () => {
    expect(store(`${measured}a:1\nreply-to:/temp-queue/x\nb:2\n`, V1_2, 'x', '/reply-queue/q')).toBe(
      'reply-to:/reply-queue/q\na:1\nb:2\n',
    );
  });

  test('what is left out is counted', () => {
    const before = stats.headersStripped;
    store(`${measured}message-id:1\nack:1\na:b:c\n`);
    store(`${measured}message-id:1\n`);
    expect(stats.headersStripped - before).toBe(3);
  });

  test('in whatever version it came, it reads the same in the neutral form', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ':', '\\', 'é', ' ', '.', '\r'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), (pairs) => {
        // 1.0 says it plainly where it can: no colon in names, no space or CR at the edges of values.
        const plain = pairs.map(
          ([name, value], i) => [`n${name.replaceAll(':', '').replaceAll('\r', '')}${i}`, `v${value}v`] as const,
        );
        const escaped = (part: string): string =>
          part.replace(/[\\:\r]/g, (c) => (c === ':' ? '\\c' : c === '\r' ? '\\r' : '\\\\'));
        const plainLines = plain.map(([name, value]) => `${name}:${value}\n`).join('');
        const escapedLines = plain.map(([name, value]) => `${escaped(name)}:${escaped(value)}\n`).join('');
        expect(store(`${measured}${plainLines}`, V1_0)).toBe(escapedLines);
        expect(store(`${measured}${escapedLines}`, V1_2)).toBe(escapedLines);
        const first = plain.filter(([name], i) => plain.findIndex(([other]) => other === name) === i);
        expect(decode(escapedLines).headers).toEqual(first.map(([name, value]) => ({ name, value })));
      }),
    );
  });
});

describe('the neutral form', () => {
  test('of everything', () => {
    const lines =
      '\namqp-message-id:m\ncorrelation-id:c\nreply-to:/topic/a.b\ncontent-type:text/plain\ncontent-encoding:gzip\npriority:7\n' +
      'expiration:5000\ntimestamp:1700000000\ntype:t\nuser-id:u\napp-id:a\nJMSXGroupID:g\nfoo:bar\nfoo:baz\n__proto__:1\n';
    expect(decode(lines)).toEqual({
      text: true,
      messageId: 'm',
      correlationId: 'c',
      replyTo: { exchange: 'amq.topic', key: 'a.b' },
      contentType: 'text/plain',
      contentEncoding: 'gzip',
      priority: 7,
      timestampS: 1_700_000_000n,
      type: 't',
      userId: 'u',
      appId: 'a',
      groupId: 'g',
      headers: [
        { name: 'foo', value: 'bar' },
        { name: '__proto__', value: '1' },
      ],
      lost: 1,
    });
  });

  test('keeps as headers what does not hold what it should, and of what is repeated the first', () => {
    const { headers, ...rest } = decode(
      'priority:high\npriority:3\ncontent-type:a\ncontent-type:b\nreply-to:/no/where\ntimestamp:1.5\n',
    );
    expect(rest).toEqual({ contentType: 'a', lost: 2 });
    expect(headers.map((h) => `${h.name}=${String(h.value)}`)).toEqual([
      'priority=high',
      'reply-to=/no/where',
      'timestamp=1.5',
    ]); // prettier-ignore
  });

  test('reads a timestamp in milliseconds as JMS sends it', () => {
    expect(decode('timestamp:1700000000123\n').timestampS).toBe(1_700_000_000n);
  });

  test('leaves it to the broker to say when the message expires', () => {
    expect(decode('expires:1700000005000\nexpiration:5\n')).toEqual({ headers: [] });
  });

  test('has bytes that are no text as they are, and the correlation id of bytes that JMS writes so', () => {
    const bytes = Buffer.concat([
      Buffer.from('a:caf'),
      Buffer.of(0xe9),
      Buffer.from('\ncorrelation-id:ID\\cAMQP_BINARY\\c00FF\n'),
    ]);
    const view = new MessageView();
    view.props = bytes;
    view.propsEnd = bytes.length;
    expect(STOMP_DIALECT.decode(view)).toEqual({
      correlationId: Buffer.of(0, 0xff),
      headers: [{ name: 'a', value: 'caf\udce9' }],
    });
  });

  test('has lists, maps and bytes where another protocol has written them as text', () => {
    expect(
      decode('m:{"k"\\c["v",1,0.5,true,null]}\nbad:{\nb:/w==\nx-json-headers:m,bad\nx-base64-headers:b\n').headers,
    ).toEqual([
      {
        name: 'm',
        value: {
          type: 'map',
          value: [
            {
              name: 'k',
              value: {
                type: 'list',
                value: ['v', { type: 'int64', value: 1n }, { type: 'double', value: 0.5 }, true, null],
              },
            },
          ],
        },
      },
      { name: 'bad', value: '{' },
      { name: 'b', value: '\udcff' },
    ]);
  });

  test('never throws, whatever was stored', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (bytes) => void decode(bytes)));
  });
});

describe('headers for', () => {
  const lines = (properties: Properties, version: Version): HeaderLines => {
    const written = new HeaderLines(version);
    writeProperties(properties, written);
    return written;
  };

  test('all properties', () => {
    const { text, dropped } = lines(
      {
        messageId: 'm:1',
        correlationId: Buffer.from('c'),
        replyTo: { exchange: '', key: 'q' },
        contentType: 'text/plain',
        contentEncoding: 'gzip',
        priority: 0,
        timestampS: 17n,
        type: 't',
        userId: 'u',
        appId: 'a',
        groupId: 'g',
        headers: [
          { name: 'n', value: { type: 'int64', value: 12n } },
          { name: 'b', value: true },
          { name: 'm', value: { type: 'map', value: [{ name: 'k', value: { type: 'list', value: ['v', null] } }] } },
        ],
      },
      V1_2,
    );
    expect(text).toBe(
      'amqp-message-id:m\\c1\ncorrelation-id:c\nreply-to:/queue/q\ncontent-type:text/plain\ncontent-encoding:gzip\npriority:0\n' +
        'timestamp:17\ntype:t\nuser-id:u\napp-id:a\nJMSXGroupID:g\nn:12\nb:true\n' +
        'm:{"k"\\c["v",null]}\nx-json-headers:m\n',
    );
    expect(dropped).toBe(0);
  });

  test("names that are the broker's or a property's are left out, counted", () => {
    const { text, dropped } = lines(
      {
        contentType: 'a',
        headers: [
          { name: 'destination', value: '/queue/evil' },
          { name: 'content-length', value: '1' },
          { name: 'content-type', value: 'b' },
          { name: '', value: 'x' },
          { name: 'nul', value: '\0' },
          { name: 'ok', value: 'x' },
        ],
      },
      V1_2,
    );
    expect(text).toBe('content-type:a\nnul:AA==\nok:x\nx-base64-headers:nul\n');
    expect(dropped).toBe(4);
  });

  test('1.0 leave out what would be another header', () => {
    const { text, dropped } = lines(
      {
        headers: [
          { name: 'a', value: 'b\ndestination:/queue/evil' },
          { name: 'c', value: 'd:e' },
        ],
      },
      V1_0,
    ); // prettier-ignore
    expect([text, dropped]).toEqual(['c:d:e\n', 1]);
  });

  test('a dead letter', () => {
    const death = { queue: 'q', reason: 'rejected', timeS: 1, exchange: '', routingKeys: ['q'] } as const;
    const annotations = withDeath(withDeath(withDeath(undefined, death), death), {
      ...death,
      queue: 'r',
      reason: 'expired',
      exchange: 'x',
    });
    const written = new HeaderLines(V1_2);
    writeDeaths(annotations, written);
    expect(written.text).toBe(
      'x-first-death-queue:q\nx-first-death-reason:rejected\nx-first-death-exchange:\n' +
        'x-last-death-queue:r\nx-last-death-reason:expired\nx-last-death-exchange:x\nx-death-count:3\n',
    );
  });
});

test('a priority that is none is a header like any other', () => {
  for (const [line, properties] of [
    ['priority:255', { priority: 255, headers: [] }],
    ['priority:256', { headers: [{ name: 'priority', value: '256' }] }],
    ['priority:high', { headers: [{ name: 'priority', value: 'high' }] }],
  ] as const) {
    const got = decode(`${line}\n`);
    expect([line, got.priority, got.headers]).toEqual([
      line,
      'priority' in properties ? 255 : undefined,
      properties.headers,
    ]);
  }
});

test('stored headers are read up to their end, whatever lies behind it', () => {
  expect(decode('a:1\nb:2').headers).toEqual([
    { name: 'a', value: '1' },
    { name: 'b', value: '2' },
  ]);
});
