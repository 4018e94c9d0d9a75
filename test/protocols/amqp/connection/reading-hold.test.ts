/** A connection is held up for one reason or several, and goes on when the last of them is gone. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { FrameParser } from '../../../../protocols/amqp/codec/frames.ts';
import {
  Holding,
  OUTPUT_FULL,
  PARKING_FULL,
  PUBLISHING_HELD_BACK,
  WAITS_FOR_REPLY,
} from '../../../../protocols/amqp/connection/reading-hold.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';

let clock: ManualClock;
let said: string[];
let ended: boolean;
let wantsToKnow: boolean;
let holding: Holding;
/** What happens while it goes on. */
let onGo: () => void;
let onUnpark: () => void;

beforeEach(() => {
  clock = new ManualClock();
  said = [];
  ended = false;
  wantsToKnow = true;
  onGo = () => {};
  onUnpark = () => {};
  const owner = {
    get ended() {
      return ended;
    },
    parsed: () => said.push('parsed'),
    tellBlocked(blocked: boolean) {
      said.push(blocked ? 'blocked' : 'unblocked');
      return wantsToKnow;
    },
    park: () => said.push('park'),
    unpark() {
      said.push('unpark');
      onUnpark();
    },
  };
  const parser = {
    stop: () => said.push('stop'),
    go() {
      said.push('go');
      onGo();
    },
  } as unknown as FrameParser;
  const transport = { pause: () => said.push('pause'), resume: () => said.push('resume') };
  holding = new Holding(owner, parser, transport, clock, 1_000);
});

const heard = (): string => said.splice(0).join(' ');

describe('a connection', () => {
  it('stops parsing and reading, and goes on with what is parked, then with what was kept, then reads', () => {
    expect(holding.held).toBe(false);
    holding.block(WAITS_FOR_REPLY);
    expect([heard(), holding.held]).toEqual(['stop pause', true]);
    holding.unblock(WAITS_FOR_REPLY);
    expect([heard(), holding.held]).toEqual(['unpark go parsed resume', false]);
  });

  it('waits for the last of several reasons', () => {
    holding.block(WAITS_FOR_REPLY);
    holding.block(OUTPUT_FULL);
    heard();
    holding.unblock(OUTPUT_FULL);
    expect([heard(), holding.held]).toEqual(['', true]);
    holding.unblock(OUTPUT_FULL);
    expect(heard()).toBe('');
    holding.unblock(WAITS_FOR_REPLY);
    expect(heard()).toBe('unpark go parsed resume');
  });

  it('is held up again by what it does when it goes on, and then does not read', () => {
    holding.block(WAITS_FOR_REPLY);
    onGo = () => holding.block(OUTPUT_FULL);
    heard();
    holding.unblock(WAITS_FOR_REPLY);
    expect(heard()).toBe('unpark go stop pause parsed');
    onGo = () => {};
    onUnpark = () => holding.block(PARKING_FULL);
    holding.unblock(OUTPUT_FULL);
    expect(heard()).toBe('unpark stop pause');
  });

  it('that has ended meanwhile goes on with nothing', () => {
    holding.block(WAITS_FOR_REPLY);
    heard();
    onUnpark = () => {
      ended = true;
    };
    holding.unblock(WAITS_FOR_REPLY);
    expect(heard()).toBe('unpark');
  });

  it('that ends while it goes on does not read', () => {
    holding.block(WAITS_FOR_REPLY);
    heard();
    onGo = () => {
      ended = true;
    };
    holding.unblock(WAITS_FOR_REPLY);
    expect(heard()).toBe('unpark go parsed');
  });
});

describe('publishing that is held back', () => {
  it('for a short while is not worth a word', () => {
    holding.holdBack();
    clock.advance(980);
    expect(heard()).toBe('stop pause');
    holding.goOn();
    expect(heard()).toBe('unpark go parsed resume');
    clock.advance(5_000);
    expect(heard()).toBe('');
  });

  it('for longer is told, once, and from then on frames are parked and others go on', () => {
    holding.holdBack();
    heard();
    clock.advance(1_000);
    expect([heard(), holding.held]).toEqual(['blocked park unpark go parsed resume', false]);
    holding.holdBack();
    holding.noticeLater();
    clock.advance(5_000);
    expect(heard()).toBe('stop pause');
    holding.goOn();
    expect(heard()).toBe('unblocked unpark go parsed resume');
    holding.goOn();
    expect(heard()).toBe('unpark go parsed resume');
  });

  it('begins its time with the first publish that waits', () => {
    holding.holdBack();
    clock.advance(600);
    holding.noticeLater();
    clock.advance(400);
    expect(heard()).toContain('blocked');
  });

  it('says nothing more to a client that does not want to know', () => {
    wantsToKnow = false;
    holding.holdBack();
    clock.advance(1_000);
    heard();
    holding.goOn();
    expect(heard()).not.toContain('unblocked');
  });

  it('ends with a parking that is full, and leaves other reasons', () => {
    holding.block(PARKING_FULL);
    holding.block(PUBLISHING_HELD_BACK);
    holding.block(OUTPUT_FULL);
    heard();
    holding.goOn();
    expect([heard(), holding.held]).toEqual(['', true]);
    holding.unblock(OUTPUT_FULL);
    expect(holding.held).toBe(false);
  });
});

describe('a connection that is being closed', () => {
  it('is read again whatever it waited for, and one that waited for nothing is left alone', () => {
    holding.release();
    expect(heard()).toBe('');
    holding.block(WAITS_FOR_REPLY);
    holding.block(OUTPUT_FULL);
    heard();
    holding.release();
    expect([heard(), holding.held]).toEqual(['resume go', false]);
  });

  it('hears of no block any more', () => {
    holding.holdBack();
    holding.close();
    heard();
    clock.advance(10_000);
    expect(heard()).toBe('');
  });
});
