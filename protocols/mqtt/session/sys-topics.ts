/**
 * The `$SYS/broker/…` topics: statistics of the broker, as Mosquitto's users know them, sent to each new subscriber as if they
 * were retained, and again every ten seconds. They cost nothing as long as nobody has subscribed.
 *
 * Values are decimal text. `load/…/1min`, `5min` and `15min` are averages per minute, which begin when somebody looks.
 */

import { type Clock, Draft, PRODUCT, type Session, SLASH, Timer, VERSION } from '../../../src/api/index.ts';
import { filterMatches } from '../codec/text.ts';
import type { MqttStats } from '../stats.ts';

export const SYS_PREFIX = '$SYS/';
const ROOT = '$SYS/broker/';

/** What the statistics come from. */
export interface SysSource {
  readonly stats: MqttStats;
  readonly intervalMs: number;
  readonly exchange: string;
  /** Client sessions: those with a connection, and all. */
  connected(): number;
  total(): number;
  /** Does something in a session of nobody's. */
  withSession(act: (session: Session) => void): void;
}

/** Per minute, smoothed over a time. */
class Average {
  value = 0;
  private readonly minutes: number;

  constructor(minutes: number) {
    this.minutes = minutes;
  }

  add(perMinute: number, elapsedS: number): void {
    this.value = perMinute + Math.exp(-elapsedS / (this.minutes * 60)) * (this.value - perMinute);
  }
}

const LOADS = ['messages/received', 'publish/received', 'publish/sent', 'connections'] as const;

export class SysTopics {
  private readonly clock: Clock;
  private readonly source: SysSource;
  private readonly startedMs: number;
  private readonly timer = new Timer(() => this.tick());
  private readonly sent = new Map<string, string>();
  private readonly averages = LOADS.map(() => [new Average(1), new Average(5), new Average(15)]);
  private lastCounts: number[] | null = null;
  private lastMs = 0;
  private clientsMax = 0;

  constructor(clock: Clock, source: SysSource) {
    this.clock = clock;
    this.source = source;
    this.startedMs = clock.monotonicMs();
  }

  /** Somebody has subscribed to something under `$SYS/`. */
  watch(): void {
    if (this.source.intervalMs === 0 || this.timer.scheduled) return;
    this.lastCounts = null;
    this.clock.schedule(this.timer, this.source.intervalMs);
  }

  /** What a new subscription is sent: topics and values, as of now. */
  matching(session: Session, filter: string): [topic: string, value: string][] {
    if (this.source.intervalMs === 0) return [];
    return [...this.values(session)].filter(([topic]) => filterMatches(filter, topic));
  }

  private tick(): void {
    this.source.withSession((session) => {
      this.average();
      if (this.publish(session)) this.clock.schedule(this.timer, this.source.intervalMs);
      else this.sent.clear(); // nobody has asked for any of it
    });
  }

  /** Publishes what has changed. Returns whether anybody is subscribed to anything. */
  private publish(session: Session): boolean {
    let watched = false;
    const draft = new Draft();
    for (const [topic, value] of this.values(session)) {
      const key = Buffer.from(topic, 'utf8');
      const route = session.route(this.source.exchange, SLASH, key, 0, key.length);
      if (this.sent.get(topic) === value) {
        watched ||= route.leadsSomewhere;
        continue;
      }
      this.sent.set(topic, value);
      draft.body = Buffer.from(value, 'utf8');
      draft.bodyEnd = draft.body.length;
      session.publish(route, draft);
      if (draft.routed > 0) watched = true;
    }
    return watched;
  }

  private counts(): number[] {
    const { packetsReceived, publishesReceived, publishesSent, connected } = this.source.stats;
    return [packetsReceived, publishesReceived, publishesSent, connected];
  }

  private average(): void {
    const counts = this.counts();
    const nowMs = this.clock.monotonicMs();
    if (this.lastCounts !== null && nowMs > this.lastMs) {
      const elapsedS = (nowMs - this.lastMs) / 1000;
      for (const [i, averages] of this.averages.entries()) {
        const perMinute = ((counts[i]! - this.lastCounts[i]!) * 60) / elapsedS;
        for (const average of averages) average.add(perMinute, elapsedS);
      }
    }
    this.lastCounts = counts;
    this.lastMs = nowMs;
  }

  private *values(session: Session): Iterable<[topic: string, value: string]> {
    const { stats } = this.source;
    const connected = this.source.connected();
    const total = Math.max(connected, this.source.total());
    this.clientsMax = Math.max(this.clientsMax, connected);
    const uptimeS = Math.floor((this.clock.monotonicMs() - this.startedMs) / 1000);
    const dropped = stats.directDropped + stats.publishesDropped + stats.oversizeDropped;
    yield [`${ROOT}version`, `${PRODUCT} ${VERSION}`];
    yield [`${ROOT}uptime`, `${uptimeS} seconds`];
    yield [`${ROOT}clients/total`, String(total)];
    yield [`${ROOT}clients/connected`, String(connected)];
    yield [`${ROOT}clients/active`, String(connected)];
    yield [`${ROOT}clients/disconnected`, String(total - connected)];
    yield [`${ROOT}clients/inactive`, String(total - connected)];
    yield [`${ROOT}clients/maximum`, String(this.clientsMax)];
    yield [`${ROOT}clients/expired`, String(stats.sessionsExpired)];
    yield [`${ROOT}messages/received`, String(stats.packetsReceived)];
    yield [`${ROOT}publish/messages/received`, String(stats.publishesReceived)];
    yield [`${ROOT}publish/messages/sent`, String(stats.publishesSent)];
    yield [`${ROOT}publish/messages/dropped`, String(dropped)];
    yield [`${ROOT}publish/held`, session.outOfRoom ? session.shortage : 'no'];
    yield [`${ROOT}bytes/received`, String(stats.bytesReceived)];
    yield [`${ROOT}retained messages/count`, String(session.retainedCount)];
    for (const [i, averages] of this.averages.entries()) {
      for (const [j, minutes] of ['1min', '5min', '15min'].entries()) {
        yield [`${ROOT}load/${LOADS[i]}/${minutes}`, averages[j]!.value.toFixed(2)];
      }
    }
  }
}
