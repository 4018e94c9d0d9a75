/**
 * A connection without a socket and without a broker: what the adapter writes and asks is seen at once, and what it
 * hears is decided by the test. For what a real broker does too seldom or too fast to be caught at it.
 */

import { type AmqpOptions, type AmqpStats, amqp } from '../../../protocols/amqp/index.ts';
import type { BrokerServices, ConfirmSink, ConnectionHandler, Mark, Transport } from '../../../src/api/index.ts';
import { ClientLog } from '../../../src/broker/client-log.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Turn } from '../../../src/clock/turn.ts';
import { NO_LOGGER } from '../../../src/logger.ts';
import type { Draft } from '../../../src/message/message.ts';
import { Output } from '../../../src/transport/output.ts';
import { reports } from '../../support/recording.ts';
import { CHANNEL_OPEN, type Frame, GREETING, OPEN, START_OK, TUNE_OK } from './wire.ts';

export interface Harness {
  readonly handler: ConnectionHandler;
  readonly session: FakeSession;
  readonly clock: ManualClock;
  readonly turn: Turn;
  readonly stats: AmqpStats;
  readonly transport: { paused: boolean; ended: boolean; destroyed: boolean };
  readonly output: Output;
  /** Bytes that the socket says it has not sent. */
  unsentBytes: number;
  send(...parts: Buffer[]): void;
  /** Ends the turn and returns the frames written since the last call. */
  frames(): Frame[];
}

/** Says yes to everything; a test sets what it wants otherwise. */
export class FakeSession {
  readonly user = 'guest';
  readonly vhost = '/';
  /** What the next declarations answer. */
  mark: Mark = 0;
  congested = false;
  /** Channels that are open, as it was told. */
  channels = 0;
  readonly shortage = 'memory';
  readonly published: { key: string; props: string; body: string }[] = [];
  readonly waiting: { mark: Mark; done: (failed: boolean) => void }[] = [];
  readonly closes: boolean[] = [];
  confirmSink: ConfirmSink | undefined = undefined;
  readonly pushed: [number, Mark][] = [];
  publishMark: Mark = 0;
  routesAsked = 0;
  entered = 0;
  routeValid = true;

  channelOpened(): void {
    this.channels++;
  }

  channelClosed(): void {
    this.channels--;
  }

  sharedCredit(limit: number): object {
    return { limit, held: 0 };
  }
  declareQueue(name: string): object {
    return { name, messages: 0, consumers: 0, mark: this.mark };
  }
  whenSafe(mark: Mark, done: (failed: boolean) => void): void {
    this.waiting.push({ mark, done });
  }
  ofBegun<T>(act: () => T): T {
    return act();
  }
  route(exchange: string, _spelling: number, key: Buffer, start: number, end: number): object {
    this.routesAsked++;
    const session = this;
    const exchangeBytes = Buffer.from(exchange);
    const keyBytes = Buffer.from(key.subarray(start, end));
    const bytes = Buffer.concat([exchangeBytes, keyBytes]);
    return {
      exchangeBytes,
      keyBytes,
      bytes,
      start: 0,
      keyStart: exchangeBytes.length,
      end: bytes.length,
      spelling: 0,
      get valid() {
        return session.routeValid;
      },
    };
  }
  publish(route: { keyBytes: Buffer }, draft: Draft): Mark {
    this.published.push({
      key: route.keyBytes.toString(),
      props: draft.props.toString('latin1', draft.propsStart, draft.propsEnd),
      body: draft.body.toString('latin1', draft.bodyStart, draft.bodyEnd),
    });
    draft.routed = 1;
    return this.publishMark;
  }
  confirms(sink: ConfirmSink): object {
    this.confirmSink = sink;
    return { push: (id: number, mark: Mark) => this.pushed.push([id, mark]), close: () => {} };
  }
  transaction(): object {
    return { operations: 0, bytes: 0, rollback: () => {} };
  }
  close(inOrder: boolean): void {
    this.closes.push(inOrder);
  }
}

export interface HarnessOptions extends AmqpOptions {
  /** What the login is answered; default: the client is guest. */
  loginResult?: object;
  /** When the login is answered; default: at once. */
  login?: (answer: () => void) => void;
  startOk?: Buffer;
  tuneOk?: Buffer;
  /** Bytes that are sent instead of a whole handshake. */
  first?: Buffer[];
}

export function harness(options: HarnessOptions = {}): Harness {
  const session = new FakeSession();
  const clock = new ManualClock();
  const turn = new Turn();
  const state = { paused: false, ended: false, destroyed: false };
  let written = Buffer.alloc(0);
  const sink = {
    unsentBytes: 0,
    writeAll(buffers: Buffer[]): boolean {
      written = Buffer.concat([written, ...buffers]);
      return true;
    },
  };
  const output = new Output(sink, turn);
  const remote = { address: '127.0.0.1', port: 1 };
  const transport: Transport = {
    remote,
    local: remote,
    loopback: true,
    secure: false,
    output,
    pause: () => {
      state.paused = true;
    },
    resume: () => {
      state.paused = false;
    },
    end: () => {
      state.ended = true;
    },
    destroy: () => {
      state.destroyed = true;
    },
  };
  const authenticate = (_credentials: object, done: (result: object) => void): void => {
    const answer = (): void => done(options.loginResult ?? { user: 'guest' });
    if (options.login !== undefined) options.login(answer);
    else answer();
  };
  const enter = (): FakeSession => {
    session.entered++;
    return session;
  };
  const protocol = amqp(options);
  const clientLog = new ClientLog(clock, NO_LOGGER);
  const handler = protocol.accept(transport, {
    clock,
    turn,
    ...reports(clientLog),
    authenticate,
    offers: () => false,
    enter,
  } as unknown as BrokerServices);
  output.onDrained = () => handler.drained();
  const made: Harness = {
    handler,
    session,
    clock,
    turn,
    stats: protocol.stats,
    transport: state,
    output,
    get unsentBytes() {
      return sink.unsentBytes;
    },
    set unsentBytes(bytes: number) {
      sink.unsentBytes = bytes;
    },
    send(...parts) {
      if (state.paused) throw new Error('sent while paused');
      const chunk = Buffer.concat(parts);
      handler.data(chunk);
      // The transport reads into the same memory again.
      chunk.fill(0xaa);
    },
    frames() {
      turn.end();
      const frames: Frame[] = [];
      let at = 0;
      while (at < written.length) {
        const size = written.readUInt32BE(at + 3);
        frames.push({
          type: written[at]!,
          channel: written.readUInt16BE(at + 1),
          payload: Buffer.from(written.subarray(at + 7, at + 7 + size)),
        });
        at += size + 8;
      }
      written = Buffer.alloc(0);
      return frames;
    },
  };
  made.send(
    ...(options.first ?? [GREETING, options.startOk ?? START_OK, options.tuneOk ?? TUNE_OK, OPEN, CHANNEL_OPEN]),
  );
  if (options.first === undefined) made.frames();
  return made;
}
