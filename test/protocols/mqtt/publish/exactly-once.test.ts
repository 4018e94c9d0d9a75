/**
 * QoS 2 end to end while the broker is killed (SIGKILL) again and again: each message arrives once, in order. Both
 * clients keep their own half of the protocol's state, as a client that is used for this must.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Command } from '../../../support/command.ts';
import { withTemporaryDirectory } from '../../../support/directory.ts';
import { RawClient } from '../raw-client.ts';

const MESSAGES = 4000;
const KILLS = 6;
const WINDOW = 50;

class Publisher {
  next = 0;
  completed = 0;
  /** By packet identifier, in order of sending. */
  readonly underWay = new Map<number, { body: string; released: boolean }>();
  private nextId = 1;

  again(client: RawClient): void {
    for (const [id, { body, released }] of this.underWay) {
      if (released) client.send({ cmd: 'pubrel', messageId: id });
      else client.publish('once/x', body, 2, id, { dup: true });
    }
  }

  step(client: RawClient): void {
    for (const packet of client.packets.splice(0)) {
      if (packet.cmd === 'pubrec') {
        const found = this.underWay.get(packet.messageId!);
        if (found !== undefined) found.released = true;
        client.send({ cmd: 'pubrel', messageId: packet.messageId! });
      } else if (packet.cmd === 'pubcomp' && this.underWay.delete(packet.messageId!)) this.completed++;
    }
    while (this.underWay.size < WINDOW && this.next < MESSAGES) {
      const id = this.nextId;
      this.nextId = (this.nextId % 60_000) + 1;
      const body = String(this.next++);
      this.underWay.set(id, { body, released: false });
      client.publish('once/x', body, 2, id);
    }
  }
}

class Receiver {
  readonly got: number[] = [];
  repeated = 0;
  private readonly unreleased = new Set<number>();

  step(client: RawClient): void {
    for (const packet of client.packets.splice(0)) {
      if (packet.cmd === 'publish') {
        const id = packet.messageId!;
        if (this.unreleased.has(id)) {
          this.repeated++;
          expect(packet.dup, 'a repeated PUBLISH says so').toBe(true);
        } else {
          this.unreleased.add(id);
          this.got.push(Number(packet.payload.toString()));
        }
        client.send({ cmd: 'pubrec', messageId: id });
      } else if (packet.cmd === 'pubrel') {
        this.unreleased.delete(packet.messageId!);
        client.send({ cmd: 'pubcomp', messageId: packet.messageId! });
      }
    }
  }
}

it('QoS 2 is exactly once, in order, through kills of the broker', { timeout: 120_000 }, async () => {
  await withTemporaryDirectory(async (directory) => {
    const publisher = new Publisher();
    const receiver = new Receiver();
    for (let round = 0; round <= KILLS; round++) {
      const broker = await Command.start(['--data', directory, '--listen', 'mqtt://127.0.0.1:0']);
      try {
        const port = broker.port('mqtt');
        const out = await RawClient.connect(port, 'receiver', { clean: false });
        expect(out.sessionPresent).toBe(round > 0);
        if (round === 0) await out.subscribe('once/#', 2);
        const into = await RawClient.connect(port, 'publisher', { clean: false });
        expect(into.sessionPresent).toBe(round > 0);
        publisher.again(into);
        // Killed at an arbitrary moment of the traffic; the last round runs to the end.
        const stop = round < KILLS ? ((round + 1) * MESSAGES) / (KILLS + 1) + round * 7 : Number.POSITIVE_INFINITY;
        while (receiver.got.length < Math.min(stop, MESSAGES) || (round === KILLS && publisher.completed < MESSAGES)) {
          publisher.step(into);
          receiver.step(out);
          if (into.closed || out.closed) throw new Error(`closed in round ${round}: ${broker.stderr}`);
          await nextTurn();
        }
        if (round === KILLS) {
          await out.settle();
          await into.settle();
        }
      } finally {
        broker.signal('SIGKILL');
        await broker.finished();
      }
    }
    expect(receiver.got).toEqual(Array.from({ length: MESSAGES }, (_, i) => i));
    expect(receiver.repeated, 'kills that fell into the middle of an exchange').toBeGreaterThan(0);
  });
});
