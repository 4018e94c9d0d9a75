import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Server } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Turn } from '../../../src/clock/turn.ts';
import type { CarrierServices } from '../../../src/transport/carrier.ts';
import { Handshakes } from '../../../src/transport/tls/handshakes.ts';

const MANY = 20;

/** Begins many handshakes, and tells how many have begun after each of some turns. */
function begun(clock: ManualClock, turn: Turn, turns: number): number[] {
  const handshakes = new Handshakes({ clock, turn } as unknown as CarrierServices);
  const server = new EventEmitter();
  let count = 0;
  server.on('connection', () => count++);
  for (let port = 1; port <= MANY; port++) {
    const socket = Object.assign(new EventEmitter(), { remoteAddress: '127.0.0.1', remotePort: port, localPort: 1 });
    handshakes.begin(socket as unknown as Socket, server as unknown as Server);
  }
  return Array.from({ length: turns }, () => {
    turn.end();
    return count;
  });
}

describe('TLS handshakes that come together', () => {
  it('begin four a turn', () => {
    const clock = new ManualClock();
    expect(begun(clock, new Turn(clock), 5)).toEqual([4, 8, 12, 16, 20]);
  });

  it('begin one by one while somebody is about who asks for little', () => {
    const clock = new ManualClock();
    const turn = new Turn(clock);
    const light = turn.work.share();
    for (let ms = 0; ms < 300; ms += 5) {
      clock.advance(5);
      turn.work.checkTime();
      light.begin();
      turn.work.spend(1);
      light.end();
    }
    expect(begun(clock, turn, 3)).toEqual([1, 2, 3]);
    clock.advance(2_000);
    turn.work.checkTime();
    expect(begun(clock, turn, 2)).toEqual([4, 8]);
  });
});
