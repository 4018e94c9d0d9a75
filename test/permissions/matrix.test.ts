/**
 * Every kind of thing that a client can do, in every protocol that can, on every transport that carries it: permitted, refused in the
 * protocol's own form, and taken away while the client is connected. Prints the tables of answers; a cell that is missing without a
 * reason fails.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Authority, OPENSSL } from '../support/certificates.ts';
import { temporaryDirectory } from '../support/directory.ts';
import type { Ports, Rules } from './harness.ts';
import { amqpSide } from './matrix/amqp.ts';
import { type BoundCell, DONE, OPERATIONS, PROTOCOLS, type Protocol, type Side, type Trial } from './matrix/cells.ts';
import { httpSide } from './matrix/http.ts';
import { mqttSide } from './matrix/mqtt.ts';
import { redisSide } from './matrix/redis.ts';
import { Scene } from './matrix/scene.ts';
import { stompSide } from './matrix/stomp.ts';
import { overTls, overWebSocket, Tunnels } from './tunnels.ts';

/** How a client's bytes come to the broker, and which protocols come so. */
const TRANSPORTS = {
  TCP: PROTOCOLS,
  TLS: PROTOCOLS,
  WebSocket: ['mqtt 3.1.1', 'mqtt 5', 'stomp'],
  'WebSocket over TLS': ['mqtt 3.1.1', 'mqtt 5', 'stomp'],
} as const satisfies Record<string, readonly Protocol[]>;
type Transport = keyof typeof TRANSPORTS;
const SUB_PROTOCOLS = { mqtt: 'mqtt', stomp: 'v12.stomp' } as const;

const directory = temporaryDirectory();
const tunnels = new Tunnels();
/** Where the clients of a transport dial. */
const portsOf = new Map<Transport, Partial<Ports>>();
let scene: Scene;
let sides: Record<Protocol, Side>;

beforeAll(async () => {
  const authority = OPENSSL === undefined ? undefined : new Authority(directory.path, 'authority');
  scene = await Scene.open(authority?.issue('localhost', { dns: ['localhost'] }));
  portsOf.set('TCP', scene.broker.ports);
  if (authority !== undefined) await openTunnels(readFileSync(authority.certificate));
  sides = {
    amqp: amqpSide(scene),
    'mqtt 3.1.1': mqttSide(scene, 4),
    'mqtt 5': mqttSide(scene, 5),
    stomp: stompSide(scene),
    redis: redisSide(scene),
    http: httpSide(scene),
  };
});

afterAll(async () => {
  await tunnels.close();
  await scene.close();
  directory.remove();
});

async function openTunnels(ca: Buffer): Promise<void> {
  const port = (name: string): number => scene.broker.running.port(name);
  const tls: Record<string, number> = {};
  for (const name of Object.keys(scene.broker.ports)) tls[name] = await tunnels.open(overTls(port(`${name}s`), ca));
  portsOf.set('TLS', tls);
  const plain: Record<string, number> = {};
  const secure: Record<string, number> = {};
  for (const [name, subProtocol] of Object.entries(SUB_PROTOCOLS)) {
    plain[name] = await tunnels.open(overWebSocket(port('ws'), subProtocol));
    secure[name] = await tunnels.open(overWebSocket(port('wss'), subProtocol, ca));
  }
  portsOf.set('WebSocket', plain);
  portsOf.set('WebSocket over TLS', secure);
}

/** In which whatever is tried is over, or is said to have hung. */
const WITHIN_MS = 5_000;

/** Permitted, refused, taken away while the client is connected: for each thing that is asked. */
async function answersOf(cell: BoundCell): Promise<string[]> {
  const { rules } = scene.broker;
  const answers: string[] = [];
  const tries: [Rules, (trial: Trial) => Promise<string>][] = [[{}, (trial) => trial.attempt()]];
  for (const denied of cell.denied) tries.push([denied, (trial) => trial.attempt()]);
  for (const denied of cell.denied) tries.push([{}, (trial) => takenAway(trial, denied)]);
  for (const [first, ask] of tries) {
    rules.set('u', first);
    const trial = await cell.open();
    answers.push(await within(ask(trial)).catch((error: unknown) => `failed: ${String(error)}`));
    await within(trial.leave()).catch(() => {});
  }
  return answers;
}

async function takenAway(trial: Trial, denied: Rules): Promise<string> {
  const { rules } = scene.broker;
  if (trial.begin !== undefined) {
    const goOn = await trial.begin();
    rules.set('u', denied);
    return goOn();
  }
  const before = await trial.attempt();
  if (before !== DONE) return `${before} before it was taken away`;
  rules.set('u', denied);
  return trial.attempt();
}

function within<T>(asked: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing within ${WITHIN_MS} ms`)), WITHIN_MS);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

for (const [transport, protocols] of Object.entries(TRANSPORTS) as [Transport, readonly Protocol[]][]) {
  it.skipIf(transport !== 'TCP' && OPENSSL === undefined)(
    `every operation of every protocol is permitted, refused, and taken away over ${transport}`,
    async ({ signal }) => {
      scene.ports = portsOf.get(transport) as Ports;
      const table: string[] = [[`${transport}: permitted / refused / taken away`, ...protocols].join(' | ')];
      const wrong: string[] = [];
      for (const operation of OPERATIONS) {
        const row: string[] = [operation];
        for (const protocol of protocols) {
          const cell = sides[protocol].cells[operation];
          const none = sides[protocol].none[operation];
          if ((cell === undefined) !== (none !== undefined)) {
            wrong.push(`${operation} in ${protocol}: no cell, or one too many`);
          }
          if (cell === undefined) row.push('–');
          else {
            // Too late: the clients of the next transport are at work.
            if (signal.aborted) return;
            const answers = await answersOf(cell).catch((error: unknown) => [`failed: ${String(error)}`]);
            const wanted = [DONE, ...cell.denied.map(() => cell.refused), ...cell.denied.map(() => cell.over)];
            const right = answers.join() === wanted.join();
            if (!right) wrong.push(`${operation} in ${protocol}: ${answers.join(' / ')}, not ${wanted.join(' / ')}`);
            row.push((right ? [DONE, cell.refused, cell.over] : answers).join(' / '));
          }
        }
        table.push(row.join(' | '));
      }
      console.log(table.join('\n'));
      expect(wrong).toEqual([]);
    },
    120_000,
  );
}
