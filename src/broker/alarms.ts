/** What is wrong for now, told as it begins and as it is over: of the machine once, however many vhosts notice it; of a vhost each. */
import type { AlarmResource, BrokerEvents } from './events.ts';

/** A certificate is told of so long before it expires. */
export const CERTIFICATE_MS = 14 * 86_400_000;

/** Vhosts notice these, and all are concerned. */
const OF_THE_MACHINE: ReadonlySet<AlarmResource> = new Set([
  'memory',
  'disk',
  'disk-full',
  'descriptors',
  'certificate',
]);

export class Alarms {
  /** Who has noticed each that is on; '' is the broker itself. */
  private readonly noticed = new Map<AlarmResource, Set<string>>();
  private readonly events: BrokerEvents;

  constructor(events: BrokerEvents) {
    this.events = events;
  }

  /** @param vhost who notices it; '' for the broker itself */
  set(resource: AlarmResource, vhost: string, on: boolean): void {
    let by = this.noticed.get(resource);
    if (on === (by?.has(vhost) === true)) return;
    if (by === undefined) {
      by = new Set();
      this.noticed.set(resource, by);
    }
    const before = by.size;
    if (on) by.add(vhost);
    else by.delete(vhost);
    const { events } = this;
    const ofMachine = OF_THE_MACHINE.has(resource);
    if (!events.watched || (ofMachine && before > 0 && by.size > 0)) return;
    const concerned = ofMachine || vhost === '' ? {} : { vhost };
    events.tell({ kind: on ? 'alarm-raised' : 'alarm-cleared', resource, ...concerned });
  }

  /** The vhost is gone, and nothing is wrong with it any more. */
  forget(vhost: string): void {
    for (const resource of this.noticed.keys()) this.set(resource, vhost, false);
  }
}
