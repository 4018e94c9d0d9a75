/**
 * A thousand hostile connections on each port, while ordinary clients are at work beside them: the broker stays up, the
 * clients see no error and miss no message, and what the attackers cost in memory is given back.
 */
import { readFileSync } from 'node:fs';
import { connect as dial, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, WIRES } from '../../conformance/clients/client.ts';
import { connect } from '../../conformance/clients/connect.ts';
import { type EntrepotPeer, startEntrepot } from '../../conformance/peers/index.ts';
import { until } from '../../conformance/support/inbox.ts';
import { ATTACKS, Chance, type Port } from './attacks/index.ts';

const ATTACKS_PER_PORT = 1_000;
const AT_A_TIME = 25;
/** How long an attacker waits to be thrown out before it leaves by itself. */
const PATIENCE_MS = 40;
const LINGERERS_MAX = 100;
const GROWTH_MAX_BYTES = 20 * 1024 * 1024;
const GIVEN_BACK_WITHIN_MS = 30_000;
const SEED = Number(process.env['HOSTILE_SEED'] ?? 20_261_121);

/** A client at work: publishes numbered messages, each confirmed, and subscribes to its own. */
class Bystander {
  readonly client: Client;
  published = 0;
  readonly received: number[] = [];
  private working = true;
  private work: Promise<void> = Promise.resolve();

  constructor(client: Client) {
    this.client = client;
  }

  static async start(broker: EntrepotPeer, wire: (typeof WIRES)[number]): Promise<Bystander> {
    const bystander = new Bystander(await connect(broker, wire));
    const levels = ['bystander', wire];
    await bystander.client.subscribeTopic(levels, (message) =>
      bystander.received.push(Number(message.body.toString())),
    );
    bystander.work = (async () => {
      while (bystander.working) {
        await bystander.client.publishTopic(levels, { body: Buffer.from(String(bystander.published)) });
        bystander.published++;
      }
    })();
    bystander.work.catch(() => {});
    return bystander;
  }

  async finish(): Promise<void> {
    this.working = false;
    await this.work;
    await until(() => this.received.length >= this.published, `${this.client.wire} receives what it has published`);
  }
}

function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(line![1]) * 1024;
}

/** One attack. Resolves when it is over; lingering ones leave their socket in `lingerers`. */
function attack(port: number, bytes: Buffer, lingerers: Socket[] | undefined): Promise<void> {
  return new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1');
    let done = false;
    const over = (): void => {
      if (done) return;
      done = true;
      clearTimeout(patience);
      if (lingerers === undefined) socket.destroy();
      resolve();
    };
    const patience = setTimeout(over, PATIENCE_MS);
    socket.on('error', over);
    socket.on('close', over);
    socket.on('data', () => {});
    socket.on('connect', () => {
      if (bytes.length > 0) socket.write(bytes);
      if (lingerers !== undefined) {
        lingerers.push(socket);
        over();
      }
    });
  });
}

describe.skipIf(process.platform !== 'linux')('a hostile start', () => {
  let broker: EntrepotPeer;
  beforeAll(async () => {
    broker = await startEntrepot();
  });
  afterAll(() => broker?.stop());

  it('harms nobody', { timeout: 120_000 }, async () => {
    const pid = broker.pid;
    const ports: Record<Port, number> = {
      amqp: broker.amqpPort,
      mqtt: broker.mqttPort,
      stomp: broker.stompPort,
      ws: broker.wsPort,
      http: broker.httpPort,
    };
    const bystanders = await Promise.all(WIRES.map((wire) => Bystander.start(broker, wire)));
    // Memory is compared with that of a broker at work, not of one that has just been started.
    await until(
      () => bystanders.every((b) => b.received.length > 300),
      () => `the bystanders are at work (${bystanders.map((b) => `${b.client.wire} ${b.received.length}`).join(', ')})`,
    );
    const beforeBytes = residentBytes(pid);

    const lingerers: Socket[] = [];
    for (const [name, port] of Object.entries(ports) as [Port, number][]) {
      const attacks = ATTACKS[name];
      const chance = new Chance(SEED);
      const lingeredBefore = lingerers.length;
      let next = 0;
      const attacker = async (): Promise<void> => {
        while (next < ATTACKS_PER_PORT) {
          const one = attacks[next++ % attacks.length]!;
          const lingers = one.lingers === true && lingerers.length - lingeredBefore < LINGERERS_MAX;
          await attack(port, one.bytes(chance), lingers ? lingerers : undefined);
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, attacker));
      expect(broker.pid, `the broker is up after the attacks on ${name}`).toBe(pid);
      const health = await fetch(`http://127.0.0.1:${broker.httpPort}/healthz`);
      expect(health.status, `the broker is well after the attacks on ${name}`).toBe(200);
    }
    for (const socket of lingerers) socket.destroy();

    await Promise.all(bystanders.map((bystander) => bystander.finish()));
    for (const { client, published, received } of bystanders) {
      expect(client.errors, client.wire).toEqual([]);
      expect(published).toBeGreaterThan(300);
      expect(received, `${client.wire} got every message, once, in order`).toEqual(
        Array.from({ length: published }, (_, i) => i),
      );
    }
    const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
    let afterBytes = 0;
    await until(
      () => (afterBytes = residentBytes(pid)) <= beforeBytes + GROWTH_MAX_BYTES,
      () => `memory is given back: ${mebibytes(beforeBytes)} MiB before, ${mebibytes(afterBytes)} MiB now`,
      GIVEN_BACK_WITHIN_MS,
    );
    await Promise.all(bystanders.map((bystander) => bystander.client.close()));
  });
});
