/** An adapter that does nothing by itself: it keeps what it hears, and lets a test write, pause and end. */

import type { BrokerServices, ConnectionHandler, Protocol, Transport } from '../../src/api/index.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { ClientLog } from '../../src/broker/client-log.ts';
import { type Clock, ManualClock } from '../../src/clock/clock.ts';
import { Turn } from '../../src/clock/turn.ts';
import { NO_LOGGER } from '../../src/logger.ts';

export class RecordingHandler implements ConnectionHandler {
  readonly transport: Transport;
  readonly chunks: Buffer[] = [];
  heldBytes = 0;
  midBody = false;
  drains = 0;
  closes = 0;
  shutdowns: string[] = [];
  /** Called with each chunk after it was kept. */
  onData: (chunk: Buffer) => void = () => {};
  onShutdown: () => void = () => this.transport.end();

  constructor(transport: Transport) {
    this.transport = transport;
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  data(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk));
    this.onData(chunk);
  }

  drained(): void {
    this.drains++;
  }

  closed(): void {
    this.closes++;
  }

  shutdown(reason: string): void {
    this.shutdowns.push(reason);
    this.onShutdown();
  }
}

export class RecordingProtocol implements Protocol {
  readonly name: string;
  readonly dialect = { id: 200, name: 'recording', decode: () => ({ headers: [] }) };
  readonly handlers: RecordingHandler[] = [];
  /** Called with each new handler before it hears anything. */
  onAccept: (handler: RecordingHandler) => void = () => {};
  private readonly prefix: string;

  /** It detects streams that begin with `prefix`. */
  constructor(name = 'recording', prefix = '') {
    this.name = name;
    this.prefix = prefix;
  }

  detect(first: Buffer): boolean | undefined {
    const n = Math.min(first.length, this.prefix.length);
    if (first.latin1Slice(0, n) !== this.prefix.slice(0, n)) return false;
    return n === this.prefix.length ? true : undefined;
  }

  accept(transport: Transport): ConnectionHandler {
    const handler = new RecordingHandler(transport);
    this.handlers.push(handler);
    this.onAccept(handler);
    return handler;
  }
}

/** As much of a broker as transports need: a clock that moves when told, turns, and what is said of clients. */
export function turningBroker(clock: Clock = new ManualClock(), logger = NO_LOGGER): Broker {
  const clientLog = new ClientLog(clock, logger);
  return { clock, turn: new Turn(), clientLog, ...reports(clientLog) } as unknown as Broker;
}

/** What adapters report to, over a client log. */
export function reports(
  clientLog: ClientLog,
): Pick<BrokerServices, 'reportMistake' | 'reportChannelMistake' | 'reportFault'> {
  return {
    reportMistake: (place, reason) => clientLog.mistake(place, reason),
    reportChannelMistake: (place, channel, reason) => clientLog.channelMistake(place, channel, reason),
    reportFault: (error, place) => clientLog.fault(place, error),
  };
}
