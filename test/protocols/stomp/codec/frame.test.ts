import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameError } from '../../../../protocols/stomp/codec/errors.ts';
import { decimalOf } from '../../../../protocols/stomp/codec/frame.ts';
import * as names from '../../../../protocols/stomp/codec/names.ts';
import { COMPLETE, FrameParser, INCOMPLETE_BODY, INCOMPLETE_HEAD } from '../../../../protocols/stomp/codec/parser.ts';
import { V1_0, V1_1, V1_2, type Version } from '../../../../protocols/stomp/codec/version.ts';

const BOUNDS = {
  headersMax: 40,
  headerLineSizeMax: 1_000,
  headersSizeMax: 4_000,
  bodySizeMax: 100_000,
  unmeasuredBodySizeMax: 10_000,
};

interface Parsed {
  command: string;
  headers: [string, string][];
  body: string;
}

function parseOne(text: string | Buffer, version: Version = V1_2): Parsed {
  const parser = new FrameParser(BOUNDS);
  const bytes = Buffer.from(text);
  expect(parser.parse(bytes, 0, bytes.length, version)).toBe(COMPLETE);
  return taken(parser);
}

function taken(parser: FrameParser): Parsed {
  const headers: [string, string][] = [];
  for (let i = 0; i < parser.count; i++) headers.push([parser.nameText(i), parser.valueText(i)]);
  return {
    command: names.COMMAND_TEXT[parser.command]!,
    headers,
    body: parser.buffer.toString('latin1', parser.bodyStart, parser.bodyEnd),
  };
}

describe('a frame', () => {
  const table: [string, string | Buffer, Version, Parsed][] = [
    ['without headers or body', 'DISCONNECT\n\n\0', V1_2, { command: 'DISCONNECT', headers: [], body: '' }],
    ['after EOLs', '\n\r\n\nDISCONNECT\n\n\0', V1_2, { command: 'DISCONNECT', headers: [], body: '' }],
    [
      'with a body up to NUL',
      'SEND\ndestination:/queue/a\n\nhello\0',
      V1_2,
      { command: 'SEND', headers: [['destination', '/queue/a']], body: 'hello' },
    ],
    [
      'with NULs in a measured body',
      'SEND\ndestination:/queue/a\ncontent-length:3\n\n\0\0\0\0',
      V1_2,
      {
        command: 'SEND',
        headers: [
          ['destination', '/queue/a'],
          ['content-length', '3'],
        ],
        body: '\0\0\0',
      }, // prettier-ignore
    ],
    ['with CR LF', 'ACK\r\nid:1\r\n\r\n\0', V1_2, { command: 'ACK', headers: [['id', '1']], body: '' }],
    ['with CR LF in 1.0', 'ACK\r\nid:1\r\n\r\n\0', V1_0, { command: 'ACK', headers: [['id', '1']], body: '' }],
    ['STOMP is CONNECT', 'STOMP\nhost:a\n\n\0', V1_0, { command: 'CONNECT', headers: [['host', 'a']], body: '' }],
    [
      'with escapes',
      'BEGIN\na\\cb\\n:\\\\c\\r\n\n\0',
      V1_2,
      { command: 'BEGIN', headers: [['a:b\n', '\\c\r']], body: '' },
    ],
    [
      'of 1.0, where backslashes are plain',
      'BEGIN\na:\\n\\x\n\n\0',
      V1_0,
      { command: 'BEGIN', headers: [['a', '\\n\\x']], body: '' },
    ],
    [
      'CONNECT never escapes',
      'CONNECT\npasscode:a\\cb\\\n\n\0',
      V1_2,
      { command: 'CONNECT', headers: [['passcode', 'a\\cb\\']], body: '' },
    ],
    ['with a colon in a value', 'BEGIN\na:b:c\n\n\0', V1_1, { command: 'BEGIN', headers: [['a', 'b:c']], body: '' }],
    ['with an empty value', 'BEGIN\na:\n\n\0', V1_2, { command: 'BEGIN', headers: [['a', '']], body: '' }],
    [
      'of 1.0 with a space after the colon',
      'BEGIN\ntransaction: t\n\n\0',
      V1_0,
      { command: 'BEGIN', headers: [['transaction', 't']], body: '' },
    ],
    [
      'of 1.2 where that space is part of the value',
      'BEGIN\na: t \n\n\0',
      V1_2,
      { command: 'BEGIN', headers: [['a', ' t ']], body: '' },
    ],
    [
      'whose names are those of every object',
      'BEGIN\nhasOwnProperty:1\n__proto__:2\nconstructor:3\n\n\0',
      V1_2,
      {
        command: 'BEGIN',
        headers: [
          ['hasOwnProperty', '1'],
          ['__proto__', '2'],
          ['constructor', '3'],
        ],
        body: '',
      }, // prettier-ignore
    ],
    [
      'with UTF-8',
      Buffer.from('BEGIN\nnäme:wért€\n\n\0'),
      V1_2,
      { command: 'BEGIN', headers: [['näme', 'wért€']], body: '' },
    ],
  ];
  test.each(table)('%s', (_, text, version, expected) => {
    expect(parseOne(text, version)).toEqual(expected);
  });

  test('the first of repeated headers wins', () => {
    const parser = new FrameParser(BOUNDS);
    const bytes = Buffer.from('SEND\nreceipt:1\nreceipt:2\ndestination:a\nfoo:x\nfoo:y\ndestination:b\n\n\0');
    parser.parse(bytes, 0, bytes.length, V1_2);
    expect([parser.text(names.RECEIPT), parser.text(names.DESTINATION), parser.header('foo')]).toEqual(['1', 'a', 'x']);
  });

  test('every known header is told apart from its neighbours', () => {
    const known = Object.entries({
      destination: names.DESTINATION,
      'content-length': names.CONTENT_LENGTH,
      receipt: names.RECEIPT,
      transaction: names.TRANSACTION,
      persistent: names.PERSISTENT,
      'message-id': names.MESSAGE_ID,
      subscription: names.SUBSCRIPTION,
      ack: names.ACK_ID,
      redelivered: names.REDELIVERED,
      id: names.ID,
      priority: names.PRIORITY,
      expiration: names.EXPIRATION,
      expires: names.EXPIRES,
      'reply-to': names.REPLY_TO,
      requeue: names.REQUEUE,
      'user-id': names.USER_ID,
      AMQ_SCHEDULED_DELAY: names.SCHEDULED_DELAY,
      JMSXGroupID: names.GROUP_ID,
      'x-opt-delivery-time': names.DELIVERY_TIME,
      'x-opt-delivery-delay': names.DELIVERY_DELAY,
      'x-half-message': names.HALF_MESSAGE,
    }); // prettier-ignore
    expect(known).toHaveLength(names.KINDS - 2);
    for (const name of ['AMQ_SCHEDULED_CRON', 'AMQ_SCHEDULED_PERIOD', 'AMQ_SCHEDULED_REPEAT']) {
      known.push([name, names.SCHEDULED_AGAIN]);
    }
    for (const [name, kind] of known) {
      expect(names.kindOf(Buffer.from(name), 0, name.length), name).toBe(kind);
      for (let i = 0; i < name.length; i++) {
        const other = `${name.slice(0, i)}_${name.slice(i + 1)}`;
        if (other !== name) expect(names.kindOf(Buffer.from(other), 0, other.length), other).toBe(names.OTHER);
      }
    }
  });
});

describe('is refused', () => {
  const table: [string, string, Version, string][] = [
    ['an unknown command', 'PUBLISH\n\n\0', V1_2, 'Bad command'],
    ['a command in lower case', 'send\n\n\0', V1_2, 'Bad command'],
    ["a server's command", 'MESSAGE\n\n\0', V1_2, 'Bad command'],
    ['a command that does not end', 'A'.repeat(40), V1_2, 'Bad command'],
    ['NUL in the command', 'SE\0ND', V1_2, 'Bad command'],
    ['a header without a colon', 'BEGIN\nnothing\n\n\0', V1_2, 'Malformed frame'],
    ['a header without a name', 'BEGIN\n:x\n\n\0', V1_2, 'Malformed frame'],
    ['NUL in a header', 'BEGIN\na:b\0\n\n\0', V1_2, 'Malformed frame'],
    ['a frame without the empty line', 'BEGIN\na:b\n\0', V1_2, 'Malformed frame'],
    ['an undefined escape', 'BEGIN\na:b\\t\n\n\0', V1_2, 'Malformed frame'],
    ['an undefined escape in 1.1', 'BEGIN\na\\x:b\n\n\0', V1_1, 'Malformed frame'],
    ['a backslash before the end of the line', 'BEGIN\na:b\\\n\n\0', V1_2, 'Malformed frame'],
    ['a length that is no number', 'SEND\ncontent-length:x\n\n\0', V1_2, 'Malformed frame'],
    ['a negative length', 'SEND\ncontent-length:-1\n\n\0', V1_2, 'Malformed frame'],
    ['an empty length', 'SEND\ncontent-length:\n\n\0', V1_2, 'Malformed frame'],
    ['a giant length', 'SEND\ncontent-length:99999999999999999999\n\n\0', V1_2, 'Malformed frame'],
    ['a length over the bound', 'SEND\ncontent-length:100001\n\n', V1_2, 'Body too large'],
    ['a length that is too short', 'SEND\ncontent-length:1\n\nabc\0', V1_2, 'Malformed frame'],
    ['an endless body', `SEND\n\n${'x'.repeat(10_001)}`, V1_2, 'Body too large'],
    ['a body where none may be', 'BEGIN\na:b\n\nbody\0', V1_2, 'Malformed frame'],
    ['Too many headers', `BEGIN\n${'a:b\n'.repeat(41)}\n\0`, V1_2, 'Too many headers'],
    ['a header line that is too long', `BEGIN\na:${'b'.repeat(1_000)}\n\n\0`, V1_2, 'Header too long'],
    ['headers that are too long', `BEGIN\n${`a:${'b'.repeat(500)}\n`.repeat(9)}\n\0`, V1_2, 'Headers too long'],
    ['a header that never ends', `BEGIN\na:${'b'.repeat(4_000)}`, V1_2, 'Headers too long'],
  ];
  test.each(table)('%s', (_, text, version, title) => {
    const parser = new FrameParser(BOUNDS);
    const bytes = Buffer.from(text);
    let refusal: unknown;
    try {
      parser.parse(bytes, 0, bytes.length, version);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(FrameError);
    expect((refusal as FrameError).title).toBe(title);
  });
});

test.each([
  [' 5', 5],
  ['5  ', 5],
  ['  15 ', 15],
  ['', -1],
  ['  ', -1],
  ['1 5', -1],
  ['999999999999999', 999_999_999_999_999],
  ['1000000000000000', -1],
])('as a number, %j is %d', (text, value) => {
  const bytes = Buffer.from(`7${text}7`); // what lies around it is not looked at
  expect(decimalOf(bytes, 1, bytes.length - 1)).toBe(value);
});

test('CR alone ends no headers', () => {
  expect(() => parseOne('SEND\ndestination:/queue/q\n\rx:y\n\n\0')).toThrow(FrameError);
  expect(parseOne('SEND\r\ndestination:/queue/q\r\n\r\nx\0').body).toBe('x');
});

test('what is not complete says how far it has come', () => {
  const parser = new FrameParser(BOUNDS);
  const bytes = Buffer.from('\nSEND\ndestination:/queue/a\ncontent-length:5\n\nhello\0');
  for (let end = 0; end < bytes.length; end++) {
    const expected = end < bytes.length - 6 ? INCOMPLETE_HEAD : INCOMPLETE_BODY;
    expect(parser.parse(bytes, 0, end, V1_2), `cut at ${end}`).toBe(expected);
  }
});

test('whatever comes is a frame, a wish for more, or a FrameError', () => {
  const fragment = fc.constantFrom(
    'SEND',
    'ACK',
    'CONNECT',
    '\n',
    '\r\n',
    '\r',
    '\0',
    ':',
    '\\',
    '\\n',
    'content-length:',
    '3',
    '9999999',
    'a',
    'é',
    'id:1\n',
    '\n\n',
  ); // prettier-ignore
  const soup = fc.oneof(
    fc.array(fragment, { maxLength: 40 }).map((parts) => Buffer.from(parts.join(''))),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(soup, fc.constantFrom<Version[]>(V1_0, V1_1, V1_2), (bytes, version) => {
      const parser = new FrameParser(BOUNDS);
      let at = 0;
      try {
        while (at < bytes.length && parser.parse(bytes, at, bytes.length, version) === COMPLETE) {
          expect(parser.end).toBeGreaterThan(at);
          expect(parser.end).toBeLessThanOrEqual(bytes.length);
          at = parser.end;
        }
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }),
    { numRuns: 50_000 },
  );
});
