/** Where SENDs go: destinations resolved to routes, kept by the bytes they were written with. */

import type { Route } from '../../src/api.ts';
import { DOT } from '../../src/message/message.ts';
import { AddressTable } from '../../src/routing/address-table.ts';
import type { Session } from '../../src/session.ts';
import { FrameError } from './codec/errors.ts';
import type { Frame } from './codec/frame.ts';
import { DESTINATION } from './codec/names.ts';
import { parseDestination } from './destinations.ts';
import type { Queues } from './queues.ts';

export interface Target {
  readonly exchange: string;
  readonly key: Buffer;
  route: Route;
}

export class Targets {
  /** By the header's value as it came. */
  private readonly known = new AddressTable<Target>();
  private readonly session: Session;
  private readonly queues: Queues;

  constructor(session: Session, queues: Queues) {
    this.session = session;
    this.queues = queues;
  }

  /** Throws a FrameError or BrokerError for what cannot be sent to. */
  find(frame: Frame): Target {
    const index = frame.indexOf(DESTINATION);
    if (index < 0) throw new FrameError('missing header', "SEND must have a 'destination' header.");
    const { buffer } = frame;
    const start = frame.valueStart(index);
    const end = frame.valueEnd(index);
    const target = this.known.find(buffer, start, start, start, end) ?? this.resolve(frame, start, end);
    if (!target.route.valid) this.renew(target);
    return target;
  }

  /** Asks again for a route that bindings have changed under. */
  renew(target: Target): void {
    target.route = this.session.route(target.exchange, DOT, target.key, 0, target.key.length);
  }

  private resolve(frame: Frame, start: number, end: number): Target {
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
      exchange,
      key,
      route: this.session.route(exchange, DOT, key, 0, key.length),
    };
    this.known.set(frame.buffer, start, start, start, end, target);
    return target;
  }
}
