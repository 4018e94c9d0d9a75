/** Frames are taken as far as nothing holds reading up, and go on when the last reason is gone. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  AWAITS_REPLY,
  FrameInput,
  OUTPUT_FULL,
  PARKED_FULL,
} from '../../../../protocols/amqp/connection/frame-input.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { Turn } from '../../../../src/clock/turn.ts';
import { frame, method } from '../wire.ts';

const METHOD = 1;
const BODY = 3;
const ACK = method(1, 60, 80, Buffer.alloc(9));

let clock: ManualClock;
let said: string[];
let open: boolean;
let congested: boolean;
let wantsToKnow: boolean;
let maySettle: boolean;
let input: FrameInput;
/** What happens when a frame is carried out; false: not now. */
let onFrame: (text: string) => boolean;

beforeEach(() => {
  clock = new ManualClock();
  said = [];
  open = true;
  congested = false;
  wantsToKnow = true;
  maySettle = true;
  onFrame = () => true;
  const owner = {
    get isOpen() {
      return open;
    },
    get publishCongested() {
      return congested;
    },
    handleFrame(type: number, _channel: number, buffer: Buffer, start: number, end: number) {
      const text = type === METHOD ? 'ack' : buffer.toString('latin1', start, end);
      if (!onFrame(text)) return false;
      said.push(text);
      return true;
    },
    frameError: (reason: string) => said.push(reason),
    tellBlocked(blocked: boolean) {
      said.push(blocked ? 'blocked' : 'unblocked');
      return wantsToKnow;
    },
    maySettleNow: () => maySettle,
    chunkRead: () => said.push('read'),
    frameGone() {},
    readFailed(error: unknown) {
      throw error;
    },
  };
  const transport = { pause: () => said.push('pause'), resume: () => said.push('resume') };
  const limits = { blockedNoticeMs: 1_000, parkedSizeMax: 700 };
  input = new FrameInput(owner, transport, clock, new Turn(), limits, 4096);
});

const heard = (): string => said.splice(0).join(' ');
const data = (...frames: (string | Buffer)[]): void =>
  input.data(Buffer.concat(frames.map((one) => (typeof one === 'string' ? frame(BODY, 1, Buffer.from(one)) : one))));
/** As a publish is handled: held back while the broker wants no messages. */
const publishing = (text: string): boolean => {
  if (!congested || text === 'ack') return true;
  input.holdBack();
  return false;
};

describe('a connection', () => {
  it('stops after the frame at hand, and goes on with what was kept, then reads', () => {
    onFrame = (text) => {
      if (text === 'b') input.pause(AWAITS_REPLY);
      return true;
    };
    data('a', 'b', 'c');
    expect([heard(), input.paused]).toEqual(['a pause b read', true]);
    input.resume(AWAITS_REPLY);
    expect([heard(), input.paused]).toEqual(['c read resume', false]);
  });

  it('waits for the last of several reasons', () => {
    input.pause(AWAITS_REPLY);
    input.pause(OUTPUT_FULL);
    heard();
    input.resume(OUTPUT_FULL);
    expect([heard(), input.paused]).toEqual(['', true]);
    input.resume(OUTPUT_FULL);
    expect(heard()).toBe('');
    input.resume(AWAITS_REPLY);
    expect(heard()).toBe('read resume');
  });

  it('is held up again by what it does when it goes on, and then does not read', () => {
    input.pause(AWAITS_REPLY);
    data('a', 'b');
    onFrame = () => {
      input.pause(OUTPUT_FULL);
      return true;
    };
    heard();
    input.resume(AWAITS_REPLY);
    expect([heard(), input.paused]).toEqual(['a read', true]);
  });

  it('that ends while it goes on does not read', () => {
    input.pause(AWAITS_REPLY);
    data('a', 'b');
    onFrame = () => {
      input.finish();
      return true;
    };
    heard();
    input.resume(AWAITS_REPLY);
    expect(heard()).toBe('a');
    data('c');
    expect(heard()).toBe('');
  });

  it('keeps a frame over a cut that cannot be taken yet, and takes it first', () => {
    congested = true;
    onFrame = publishing;
    const bytes = frame(BODY, 1, Buffer.from('a'));
    input.data(bytes.subarray(0, 5));
    input.data(Buffer.concat([bytes.subarray(5), frame(BODY, 1, Buffer.from('b'))]));
    expect([heard(), input.heldBytes > 0]).toEqual(['read pause read', true]);
    congested = false;
    input.uncongested();
    expect([heard(), input.heldBytes]).toEqual(['a b read resume', 0]);
  });
});

describe('publishing that is held back', () => {
  beforeEach(() => {
    congested = true;
    onFrame = publishing;
  });

  it('for a short while is not worth a word', () => {
    data('a');
    clock.advance(980);
    expect(heard()).toBe('pause read');
    congested = false;
    input.uncongested();
    expect(heard()).toBe('a read resume');
    clock.advance(5_000);
    expect(heard()).toBe('');
  });

  it('for longer is told, once, and from then on frames are parked and acknowledgements go on', () => {
    data('a', ACK);
    heard();
    clock.advance(1_000);
    expect([heard(), input.paused]).toEqual(['blocked ack read resume', false]);
    data('b', ACK, 'c');
    clock.advance(5_000);
    expect(heard()).toBe('ack read');
    maySettle = false;
    data(ACK);
    expect(heard()).toBe('read');
    congested = false;
    input.uncongested();
    expect(heard()).toBe('unblocked a b c ack read');
    data('d');
    expect(heard()).toBe('d read');
    input.uncongested();
    expect(heard()).toBe('');
  });

  it('begins its time with the first publish that waits', () => {
    data('a');
    clock.advance(600);
    input.holdBack();
    clock.advance(400);
    expect(heard()).toContain('blocked');
  });

  it('says nothing more to a client that does not want to know', () => {
    wantsToKnow = false;
    data('a');
    clock.advance(1_000);
    heard();
    congested = false;
    input.uncongested();
    expect(heard()).not.toContain('unblocked');
  });

  it('stops reading when too much is parked, and other reasons stay when it is over', () => {
    data('a');
    clock.advance(1_000);
    heard();
    data('b', 'c', 'd', 'e');
    expect([heard(), input.paused]).toEqual(['pause read', true]);
    input.pause(OUTPUT_FULL);
    congested = false;
    input.uncongested();
    expect([heard(), input.paused]).toEqual(['unblocked', true]);
    input.resume(PARKED_FULL);
    expect(heard()).toBe('');
    input.resume(OUTPUT_FULL);
    expect([heard(), input.paused]).toEqual(['a b c d e read resume', false]);
  });

  it('that comes again while parked frames are carried out holds back the rest of them', () => {
    data('a');
    clock.advance(1_000);
    data('b', 'c');
    heard();
    congested = false;
    onFrame = (text) => {
      if (text === 'b') congested = true;
      return publishing(text);
    };
    input.uncongested();
    expect(heard()).toContain('unblocked a');
    congested = false;
    onFrame = publishing;
    input.uncongested();
    expect(heard()).toContain('b c');
  });
});

describe('a connection that is being closed', () => {
  it('is read again whatever it waited for, and one that waited for nothing is left alone', () => {
    input.release();
    expect(heard()).toBe('');
    input.pause(AWAITS_REPLY);
    expect(input.paused).toBe(false);
  });

  it('is read on at once', () => {
    input.pause(AWAITS_REPLY);
    input.pause(OUTPUT_FULL);
    data('a');
    heard();
    open = false;
    input.close();
    input.release();
    expect([heard(), input.paused]).toEqual(['a read resume', false]);
  });

  it('hears of no block any more', () => {
    congested = true;
    onFrame = publishing;
    data('a');
    input.close();
    heard();
    clock.advance(10_000);
    expect(heard()).toBe('');
  });
});
