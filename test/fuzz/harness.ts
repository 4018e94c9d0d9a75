/**
 * A broker in memory with one adapter, and a client without a socket that says what it is given. One is used for some
 * thousand inputs (what they declare stays in it, as with a real broker) and then thrown away.
 */

import type { Protocol, Transport } from '../../src/api/index.ts';
import { Broker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import { Output } from '../../src/transport/output.ts';
import type { FuzzInput } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** A client that is held up waits for so many turns of the event loop, then it leaves. */
const TURNS_MAX = 20;
/** As long as any timer of an adapter: one that was left behind fires into what is gone, and shows. */
const TIMERS_MS = 60_000;

export interface Outcome {
  /** The longest call into the adapter or turn of the broker, in milliseconds. */
  readonly longestMs: number;
  readonly longestCall: string;
}

export class FuzzHarness {
  readonly protocol: Protocol;
  private readonly target: FuzzTarget;
  private readonly broker: Broker;
  private readonly clock: ManualClock;
  private readonly nowMs: () => number;

  private constructor(target: FuzzTarget, protocol: Protocol, broker: Broker, clock: ManualClock, nowMs: () => number) {
    this.target = target;
    this.protocol = protocol;
    this.broker = broker;
    this.clock = clock;
    this.nowMs = nowMs;
  }

  /** @param nowMs what calls are timed with: the clock on the wall unless said, which is quick to ask */
  static async open(target: FuzzTarget, nowMs = () => performance.now()): Promise<FuzzHarness> {
    const protocol = target.protocol();
    const clock = new ManualClock();
    const broker = await Broker.start({
      dataDirectory: null,
      dialects: [protocol.dialect],
      clock,
      log: { segmentBytes: 16 * 1024 * 1024, residentBytesMax: 8 * 1024 * 1024 },
    });
    return new FuzzHarness(target, protocol, broker, clock, nowMs);
  }

  /** One client's whole life. @throws what the adapter throws, which it never may */
  async converse(input: FuzzInput): Promise<Outcome> {
    const { bytes, cuts } = input;
    const { broker } = this;
    let open = true;
    let paused = false;
    const sink = { unsentBytes: 0, writeAll: () => true };
    const output = new Output(sink, broker.turn);
    const address = { address: '127.0.0.1', port: 1 };
    const transport: Transport = {
      remote: address,
      local: address,
      loopback: true,
      secure: false,
      output,
      pause: () => {
        paused = true;
      },
      resume: () => {
        paused = false;
      },
      end: () => {
        open = false;
      },
      destroy: () => {
        open = false;
      },
    };
    const handler = this.protocol.accept(transport, broker);
    output.onDrained = () => handler.drained();
    let longestMs = 0;
    let longestCall = '';
    const timed = (call: string, work: () => void): void => {
      const beforeMs = this.nowMs();
      work();
      const tookMs = this.nowMs() - beforeMs;
      if (tookMs > longestMs) {
        longestMs = tookMs;
        longestCall = call;
      }
    };
    let at = 0;
    for (let piece = 0; piece <= cuts.length && open; piece++) {
      for (let turns = 0; paused && open && turns < TURNS_MAX; turns++) await turn();
      if (paused || !open) break;
      const to = cuts[piece] ?? bytes.length;
      const chunk = Buffer.from(bytes.subarray(at, to));
      at = to;
      timed('data', () => handler.data(chunk));
      // The transport reads into the same memory again: whoever kept a view shows it now.
      chunk.fill(0xaa);
      if (cuts.length < 8) timed('turn', () => broker.turn.end());
    }
    timed('turn', () => broker.turn.end());
    timed('closed', () => handler.closed());
    timed('turn', () => broker.turn.end());
    if (broker.sessionCount > 0) throw new Error('a session has outlived its connection');
    const errors = this.target.internalErrors(this.protocol);
    if (errors > 0) throw new Error('the adapter counted an error of its own');
    return { longestMs, longestCall };
  }

  async close(): Promise<void> {
    this.clock.advance(TIMERS_MS);
    await this.broker.close();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
