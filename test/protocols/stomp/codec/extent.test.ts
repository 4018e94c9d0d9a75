/** Where a server's frame ends, told by its header lines alone. */
import { expect, test } from 'vitest';
import { frameExtent } from '../../../../protocols/stomp/codec/extent.ts';

const extent = (text: string): number => {
  const bytes = Buffer.from(text, 'latin1');
  return frameExtent(bytes, 0, bytes.length);
};

const BODY = 'a\0b\0c';

test.each([
  ['first', ['content-length:5', 'message-id:1']],
  ['last', ['message-id:1', 'content-length:5']],
  ['behind a name that begins as it does', ['content-type:text/plain;charset=utf-8', 'content-length:5']],
  ['behind a name as long as it is', ['content-lengthy:1', 'content-length:5']],
  ['behind a name that differs in its last letter', ['content-lengts:1', 'content-length:5']],
  ['before another, which does not count', ['content-length:5', 'content-length:1']],
  ['behind one that is no number, which does not count', ['content-length:5x', 'content-length:5']],
])('content-length %s', (_, lines) => {
  const frame = `MESSAGE\n${lines.join('\n')}\n\n${BODY}\0\n`;
  expect(extent(frame)).toBe(frame.length);
  expect(extent(`${frame}MESSAGE\n\n\0\n`)).toBe(frame.length);
});

test.each([
  ['no line at all', []],
  ['a name that begins as content-length does', ['content-type:text/plain;charset=utf-8']],
  ['a content-length that is no number', ['content-length:-1']],
  ['a content-length without digits', ['content-length:']],
])('%s: up to the first NUL', (_, lines) => {
  const head = `MESSAGE\n${lines.map((line) => `${line}\n`).join('')}\n`;
  expect(extent(`${head}${BODY}\0\n`)).toBe(head.length + 'a\0'.length);
});

test('what is not there as a whole has no end yet', () => {
  const frame = `MESSAGE\ncontent-type:t\n\nbody\0`;
  for (let cut = 1; cut < frame.length; cut++) expect(extent(frame.slice(0, cut))).toBe(0);
});
