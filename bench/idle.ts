/**
 * `node bench/idle.ts [--connections N] [--peers a,b] [--settle SECONDS]`: what an idle MQTT connection costs in resident
 * memory, in this broker and in those that are installed: 10,000 connections unless said, in four states.
 *
 * Each broker is started anew for each state; memory is read before the first connection and when it has stopped moving
 * after the last. Both sides hold their sockets, so `ulimit -n` must be above the number of connections.
 */
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect as connectPacket, none, packet, text, u16 } from '../conformance/mqtt/wire.ts';
import {
  installed,
  type Peer,
  type PeerKind,
  startEntrepot,
  startMosquitto,
  startNats,
  startRabbitmq,
} from '../conformance/peers/index.ts';

const START = { entrepot: startEntrepot, mosquitto: startMosquitto, nats: startNats, rabbitmq: startRabbitmq } as const;
type IdlePeer = Extract<PeerKind, keyof typeof START>;
const PEERS = Object.keys(START) as IdlePeer[];

interface State {
  readonly name: string;
  readonly level: 4 | 5;
  /** Undefined: no subscription. */
  readonly qos?: 0 | 1;
  readonly kept: boolean;
  /** Bytes a connection that this broker may take, where that is said. */
  readonly targetBytes?: number;
}

const STATES: readonly State[] = [
  { name: '3.1.1, connected', level: 4, kept: false, targetBytes: 12_000 },
  { name: '3.1.1, one QoS 0 subscription', level: 4, qos: 0, kept: false },
  { name: '3.1.1, one QoS 1 subscription, kept session', level: 4, qos: 1, kept: true },
  { name: '5.0, one QoS 1 subscription', level: 5, qos: 1, kept: false },
];

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    peers: { type: 'string', default: PEERS.join(',') },
    settle: { type: 'string', default: '12' },
  },
});
const connections = Number(values.connections);
const settleMs = Number(values.settle) * 1000;
const asked = values.peers.split(',').map((name) => name.trim());
const unknown = asked.find((name) => !(PEERS as readonly string[]).includes(name));
if (!(connections >= 2) || !(settleMs >= 0) || unknown !== undefined) {
  console.error(unknown === undefined ? 'see the head of bench/idle.ts' : `no peer is called "${unknown}": ${PEERS}`);
  process.exit(2);
}

/** Of the process that serves: RabbitMQ's is the one that was started, as the others'. */
async function residentBytes(peer: Peer): Promise<number> {
  const status = await readFile(`/proc/${peer.pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Reads until it has not moved by more than a hundredth for three readings, or the time to settle has passed twice. */
async function settledBytes(peer: Peer): Promise<number> {
  await after(settleMs);
  let same = 0;
  let last = await residentBytes(peer);
  for (const deadlineMs = performance.now() + settleMs; same < 3 && performance.now() < deadlineMs; ) {
    await after(500);
    const now = await residentBytes(peer);
    same = Math.abs(now - last) < last / 100 ? same + 1 : 0;
    last = now;
  }
  return last;
}

/** One client: CONNECT, and SUBSCRIBE if asked for; resolves when the last of them is answered. */
function open(port: number, state: State, index: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const properties = state.kept && state.level === 5 ? [0x11, 0, 0, 1, 0] : [];
    let heard = 0;
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the broker closed the connection')));
    socket.on('connect', () => {
      const payload = [text(`idle-${index}`), text('guest'), text('guest')];
      socket.write(connectPacket({ level: state.level, flags: state.kept ? 0xc0 : 0xc2, properties, payload }));
    });
    // CONNACK and SUBACK are short: each comes in a chunk of its own, as the second is asked for after the first.
    socket.on('data', (chunk) => {
      if (heard++ === 0 && chunk[0] === 0x20 && chunk[3] !== 0) reject(new Error(`CONNACK ${chunk[3]}`));
      if (heard === 1 && state.qos !== undefined) {
        socket.write(packet(0x82, u16(1), none(state.level), text(`idle/${index}/+`), state.qos));
      } else {
        socket.removeAllListeners('close');
        resolve(socket);
      }
    });
  });
}

async function measure(kind: IdlePeer, state: State): Promise<number> {
  const peer = await START[kind]();
  const sockets: Socket[] = [];
  try {
    // What the first connection costs once is no connection's.
    sockets.push(await open(peer.mqttPort, state, 0));
    const before = await settledBytes(peer);
    for (let from = 1; from < connections; from += 200) {
      const some = Array.from({ length: Math.min(200, connections - from) }, (_, i) =>
        open(peer.mqttPort, state, from + i),
      );
      sockets.push(...(await Promise.all(some)));
    }
    return ((await settledBytes(peer)) - before) / (connections - 1);
  } finally {
    for (const socket of sockets) socket.destroy();
    await peer.stop();
  }
}

console.log(`${connections} connections, resident bytes each`);
for (const kind of PEERS) {
  if (!asked.includes(kind)) continue;
  if (installed(kind) === undefined) {
    console.log(`${kind} is not installed here`);
    continue;
  }
  for (const state of STATES) {
    // Neither of them speaks 5.0.
    if (state.level === 5 && (kind === 'nats' || kind === 'rabbitmq')) continue;
    const name = `${kind}: ${state.name}`.padEnd(58);
    try {
      const bytes = await measure(kind, state);
      const met = state.targetBytes !== undefined && bytes <= state.targetBytes;
      const target =
        kind !== 'entrepot' || state.targetBytes === undefined ? '' : `   target <= 12 KB ${met ? 'met' : 'NOT MET'}`;
      console.log(`${name} ${(bytes / 1000).toFixed(1).padStart(7)} KB${target}`);
    } catch (error) {
      console.log(`${name} failed: ${(error as Error).message}`);
    }
  }
}
