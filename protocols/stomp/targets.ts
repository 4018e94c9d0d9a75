/**
 * Where SENDs go: destinations resolved to routes, kept by the bytes they were written with. The last one is very often
 * the next one, and then costs a comparison.
 */

import type { Route } from '../../src/api.ts';
import { equalsBytes } from '../../src/message/bytes.ts';
import { DOT } from '../../src/message/message.ts';
import type { Session } from '../../src/session.ts';
import { FrameError } from './codec/errors.ts';
import type { FrameParser } from './codec/frame.ts';
import { DESTINATION } from './codec/names.ts';
import { parseDestination } from './destinations.ts';
import type { Queues } from './queues.ts';

const TARGETS_MAX = 16_384;

export interface Target {
  /** The header's value as it came. */
  readonly bytes: Buffer;
  readonly exchange: string;
  readonly key: Buffer;
  route: Route;
}

export class Targets {
  private last: Target | null = null;
  private readonly known = new Map<string, Target>();
  private readonly session: Session;
  private readonly queues: Queues;

  constructor(session: Session, queues: Queues) {
    this.session = session;
    this.queues = queues;
  }

  /** Throws a FrameError or BrokerError for what cannot be sent to. */
  find(frame: FrameParser): Target {
    const index = frame.indexOf(DESTINATION);
    if (index < 0) throw new FrameError('missing header', "SEND must have a 'destination' header.");
    const { buffer } = frame;
    const start = frame.valueStart(index);
    const end = frame.valueEnd(index);
    let target = this.last;
    if (target === null || !equalsBytes(target.bytes, buffer, start, end)) {
      const name = buffer.latin1Slice(start, end);
      target = this.known.get(name) ?? this.resolve(frame, name, start, end);
      this.last = target;
    }
    if (!target.route.valid) this.renew(target);
    return target;
  }

  /** Asks again for a route that bindings have changed under. */
  renew(target: Target): void {
    target.route = this.session.route(target.exchange, DOT, target.key, 0, target.key.length);
  }

  private resolve(frame: FrameParser, name: string, start: number, end: number): Target {
    const text = frame.text(DESTINATION)!;
    const destination = parseDestination(text);
    if (destination.kind === 'temporary-queue') {
      const why =
        "can only be a 'reply-to' or be subscribed to; its messages are sent to the 'reply-to' that consumers see";
      throw new FrameError('invalid destination', `'${text}' ${why}.`);
    }
    if (destination.kind === 'queue') this.queues.declareOnce(destination.name, frame);
    const exchange = destination.kind === 'exchange' ? destination.exchange : '';
    const key = Buffer.from(destination.kind === 'exchange' ? destination.key : destination.name);
    const target: Target = {
      bytes: Buffer.from(frame.buffer.subarray(start, end)),
      exchange,
      key,
      route: this.session.route(exchange, DOT, key, 0, key.length),
    };
    if (this.known.size >= TARGETS_MAX) this.known.clear();
    this.known.set(name, target);
    return target;
  }
}
