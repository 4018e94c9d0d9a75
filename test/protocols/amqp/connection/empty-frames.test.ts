/** Frames on channel 0 that have no payload: only a heartbeat is one, whatever is going on. [§4.2.7] */
import { expect, test } from 'vitest';
import { type Harness, harness } from '../harness.ts';
import { closeOf, frame, GREETING, methodOf, START_OK, TUNE_OK } from '../wire.ts';

const METHOD = 1;
const HEARTBEAT = 8;
const OTHERS: [string, number, string][] = [
  ['method', METHOD, '501 FRAME_ERROR'],
  ['header', 2, '501 FRAME_ERROR'],
  ['body', 3, '505 UNEXPECTED_FRAME'],
  ['frame of no known type', 9, '501 FRAME_ERROR'],
];

/** The connection.close that the last frame brought about, or what there was instead. */
function answerOf(made: Harness): string {
  const frames = made.frames();
  const close = frames.find((each) => methodOf(each) === '10.50');
  return close === undefined ? frames.map(methodOf).join() : closeOf(close);
}

test.each(OTHERS)('an empty %s is an error on an open connection', (_name, type, error) => {
  const made = harness();
  made.send(frame(type, 0));
  expect(answerOf(made)).toContain(error);
});

test.each(OTHERS)('an empty %s is an error before the connection is open', (_name, type, error) => {
  const made = harness({ first: [GREETING, START_OK, TUNE_OK] });
  made.frames();
  made.send(frame(type, 0));
  expect([answerOf(made).includes(error), made.transport.ended]).not.toEqual([false, false]);
});

test('a heartbeat is nothing else, before and after', () => {
  const early = harness({ first: [GREETING, START_OK, TUNE_OK] });
  early.frames();
  early.send(frame(HEARTBEAT, 0));
  expect([answerOf(early), early.transport.ended]).toEqual(['', false]);
  const open = harness();
  open.send(frame(HEARTBEAT, 0));
  expect([answerOf(open), open.transport.ended]).toEqual(['', false]);
  open.send(frame(HEARTBEAT, 0, Buffer.of(0)));
  expect(answerOf(open)).toContain('501 FRAME_ERROR');
});
