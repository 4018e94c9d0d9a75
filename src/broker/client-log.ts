/**
 * The operator's log about clients: who has logged in and left, who was refused, whose mistake ended a connection, and the
 * broker's own faults. One place for all protocols, so that a refusal which says "see the log" is true in each of them.
 *
 * A client must not be able to fill a disk, nor to hide others behind its own noise. So each kind of line has a budget of
 * LINES_MAX a minute, of which one address gets ADDRESS_LINES_MAX. What goes beyond is shown at debug only, and counted:
 * one line at the end of the minute says how many there were. Text that came from a client is cut at TEXT_MAX characters.
 *
 *     info    something was changed (with room for 6,000 a minute) · a client has come in · a client has left · a queue was made · a queue was deleted
 *     warn    an entry of definitions was left out · a client was refused · a client's mistake ended its connection · a client's mistake ended its channel
 *     error   a fault of the broker's own
 */
import type { ClientPlace } from '../api/broker.ts';
import { type Clock, Timer } from '../clock/clock.ts';
import { type LogArea, type Logger, loggerOf, NO_LOGGER } from '../logger.ts';

/** Lines of one kind in a minute. */
export const LINES_MAX = 120;
/** Of those, for clients of one address. */
export const ADDRESS_LINES_MAX = 30;
export const WINDOW_MS = 60_000;
const TEXT_MAX = 300;

type Level = 'info' | 'warn' | 'error';

/** One kind of line, and how much room it has. */
interface Kind {
  /** Undefined: none of them. */
  readonly area?: LogArea;
  readonly level: Level;
  readonly text: string;
  /** What the line at the end of the minute says. */
  readonly more: string;
  /** Default: LINES_MAX, ADDRESS_LINES_MAX. */
  readonly linesMax?: number;
  readonly addressLinesMax?: number;
}

const CONNECTED: Kind = { area: 'connections', level: 'info', text: 'a client has come in', more: 'clients came in' };
const DISCONNECTED: Kind = { area: 'connections', level: 'info', text: 'a client has left', more: 'clients left' };
const REFUSED: Kind = { area: 'auth', level: 'warn', text: 'a client was refused', more: 'clients were refused' };
const MISTAKE: Kind = {
  area: 'connections',
  level: 'warn',
  text: "a client's mistake ended its connection",
  more: "connections ended by a client's mistake",
};
const CHANNEL_MISTAKE: Kind = {
  area: 'connections',
  level: 'warn',
  text: "a client's mistake ended its channel",
  more: "channels ended by a client's mistake",
};
const QUEUE_MADE: Kind = { area: 'topology', level: 'info', text: 'a queue was made', more: 'queues were made' };
const QUEUE_GONE: Kind = { area: 'topology', level: 'info', text: 'a queue was deleted', more: 'queues were deleted' };
const LEFT_OUT: Kind = {
  area: 'topology',
  level: 'warn',
  text: 'an entry of definitions was left out',
  more: 'entries of definitions were left out',
};
const FAULT: Kind = {
  level: 'error',
  text: 'a fault of the broker itself, please report it',
  more: 'faults of the broker itself',
};

const BACKEND: Kind = {
  area: 'auth',
  level: 'warn',
  text: 'a back end could not be asked who a client is, or what it may do',
  more: 'questions to back ends were not answered',
};
/** Who may change something has signed in: there is room for all that people and their scripts do. */
const CHANGED: Kind = {
  area: 'audit',
  level: 'info',
  text: 'something was changed',
  more: 'changes',
  linesMax: 6_000,
  addressLinesMax: 6_000,
};
const NOT_CHANGED: Kind = {
  area: 'audit',
  level: 'warn',
  text: 'something was not changed',
  more: 'changes that were not made',
};

/** A queue, and whose client does something with it. */
export interface QueuePlace {
  readonly user: string;
  readonly vhost: string;
  readonly queue: string;
}

/** How many lines of one kind have been written in this minute, and how many were held back. */
class LineBudget {
  lines = 0;
  held = 0;
  readonly byAddress = new Map<string, number>();

  /** Whether there is room for one more line about this address. */
  take(address: string, { linesMax = LINES_MAX, addressLinesMax = ADDRESS_LINES_MAX }: Kind): boolean {
    const before = this.byAddress.get(address) ?? 0;
    if (this.lines >= linesMax || before >= addressLinesMax) {
      this.held++;
      return false;
    }
    this.lines++;
    this.byAddress.set(address, before + 1);
    return true;
  }
}

export class ClientLog {
  private readonly logger: Logger;
  private readonly clock: Clock;
  private readonly budgets = new Map<Kind, LineBudget>();
  private readonly windowEnds = new Timer(() => this.windowEnded());

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock;
    this.logger = logger;
  }

  /** A client has logged in, and is in a vhost. */
  connected(place: ClientPlace | undefined, user: string, vhost: string): void {
    this.report(CONNECTED, place, { user, vhost });
  }

  /** @param inOrder it closed as its protocol says @param reason why the broker or an operator has ended it; undefined: neither has */
  disconnected(place: ClientPlace | undefined, user: string, vhost: string, inOrder: boolean, reason?: string): void {
    this.report(DISCONNECTED, place, { user, vhost, inOrder, ...(reason !== undefined && { reason: cut(reason) }) });
  }

  /** @param client its protocol and address, as in `Credentials.client` */
  refused(client: string, reason: string): void {
    // The port differs from try to try; the address is what a flood has in common.
    const address = client.slice(0, Math.max(client.lastIndexOf(':'), 0));
    this.write(REFUSED, address, { client, reason: cut(reason) });
  }

  /** @param policy of the queue's name, if there is one */
  queueMade(place: ClientPlace | undefined, queue: QueuePlace, policy: string | undefined): void {
    this.report(QUEUE_MADE, place, { ...queue, ...(policy !== undefined && { policy }) });
  }

  /** By a client; not because its time was over. @param messages that waited in it */
  queueDeleted(place: ClientPlace | undefined, queue: QueuePlace, messages: number): void {
    this.report(QUEUE_GONE, place, { ...queue, messages });
  }

  /** The client did what the protocol forbids, or fell silent, and is disconnected. For adapters. */
  mistake(place: ClientPlace | undefined, reason: string): void {
    this.report(MISTAKE, place, { reason: cut(reason) });
  }

  /** The same where only a part of the connection ends. For adapters. */
  channelMistake(place: ClientPlace | undefined, channel: number, reason: string): void {
    this.report(CHANNEL_MISTAKE, place, { channel, reason: cut(reason) });
  }

  /**
   * An adapter met an error that is nobody's but the broker's. Where no logger was given it becomes a process warning, so
   * that it is not lost. For adapters, and for who calls them.
   */
  fault(place: ClientPlace | undefined, error: unknown): void {
    this.report(FAULT, place, { err: error instanceof Error ? error : new Error(String(error)) });
  }

  /** A back end of the authentication has failed; whoever was asked for is refused. */
  backendFailed(backend: string, reason: string): void {
    this.write(BACKEND, backend, { backend, reason: cut(reason) });
  }

  /** Of definitions that somebody has imported: something that cannot be had here. */
  leftOut(
    entry: { readonly kind: string; readonly name: string; readonly vhost: string | undefined },
    reason: string,
  ): void {
    const { kind, name, vhost } = entry;
    this.write(LEFT_OUT, '', {
      kind,
      name: cut(name),
      ...(vhost !== undefined && { vhost: cut(vhost) }),
      reason: cut(reason),
    });
  }

  /** Somebody has changed something over HTTP, or would have. @param address whose clients it is one of */
  audited(outcome: 'done' | 'refused' | 'failed', address: string, fields: object): void {
    this.write(outcome === 'done' ? CHANGED : NOT_CHANGED, address, fields);
  }

  /** What was held back and not yet counted in a line is. */
  close(): void {
    this.clock.cancel(this.windowEnds);
    this.windowEnded();
  }

  private report(kind: Kind, place: ClientPlace | undefined, fields: Record<string, unknown>): void {
    const label = place?.label;
    const name = label === undefined || label === '' ? {} : { name: cut(label) };
    this.write(kind, place?.remote?.address ?? '', { client: nameOf(place), ...name, ...fields });
  }

  private write(kind: Kind, address: string, fields: object): void {
    const logger = this.loggerOf(kind);
    let budget = this.budgets.get(kind);
    if (budget === undefined) {
      budget = new LineBudget();
      this.budgets.set(kind, budget);
      if (!this.windowEnds.scheduled) this.clock.schedule(this.windowEnds, WINDOW_MS);
    }
    if (!budget.take(address, kind)) {
      logger.debug(fields, kind.text);
      return;
    }
    if (kind === FAULT && this.logger === NO_LOGGER) {
      process.emitWarning((fields as { err: Error }).err);
      return;
    }
    logger[kind.level](fields, kind.text);
  }

  private loggerOf({ area }: Kind): Logger {
    return area === undefined ? this.logger : loggerOf(this.logger, area);
  }

  private windowEnded(): void {
    for (const [kind, { held }] of this.budgets) {
      if (held > 0) this.loggerOf(kind)[kind.level]({ more: held }, `more ${kind.more} than are shown`);
    }
    this.budgets.clear();
  }
}

/** The protocol, the address and the port, as `Credentials.client` has them. */
export function nameOf(place: ClientPlace | undefined): string {
  if (place?.remote === undefined) return 'in this process';
  return `${place.protocol || 'unknown'} ${place.remote.address}:${place.remote.port}`;
}

function cut(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
