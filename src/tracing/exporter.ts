/**
 * Sends spans to a collector over OTLP/HTTP, in the background: a bounded number of them waits, one request at a time is under
 * way, and what finds no room or cannot be sent is dropped and counted. Nobody waits for a collector.
 *
 *     add ──room──▶ waiting ──EXPORT_MS, or BATCH of them──▶ one request ──2xx──▶ exported
 *         ──none──▶ dropped                                             ──else──▶ failed
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { type Clock, Timer } from '../clock/clock.ts';
import type { Logger } from '../logger.ts';
import { PRODUCT, VERSION } from '../version.ts';
import { type Attributes, encodeSpans, type Span } from './spans.ts';

export const WAITING_MAX = 4_096;
const BATCH = 512;
const EXPORT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** At most one line in so long says that the collector does not answer. */
const FAILURE_LOGGED_MS = 60_000;

export interface TracingStatistics {
  readonly exported: number;
  /** There was no room. */
  readonly dropped: number;
  /** The collector did not take them. */
  readonly failed: number;
}

export class OtlpExporter {
  exported = 0;
  dropped = 0;
  failed = 0;
  private waiting: Span[] = [];
  private sending = false;
  private closed = false;
  private loggedMs = Number.NEGATIVE_INFINITY;
  private readonly url: URL;
  private readonly agent: http.Agent;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly resource: Attributes;
  private readonly timer = new Timer(() => this.send());
  private idle: (() => void) | null = null;

  /** @param collector `http://HOST:4318`, to which `/v1/traces` is added, or the whole address */
  constructor(collector: string, clock: Clock, logger: Logger, resource: Attributes) {
    const url = new URL(collector);
    if (url.pathname === '/' || url.pathname === '') url.pathname = '/v1/traces';
    this.url = url;
    this.agent = new (url.protocol === 'https:' ? https : http).Agent({ keepAlive: true, maxSockets: 1 });
    this.clock = clock;
    this.logger = logger;
    this.resource = resource;
  }

  get statistics(): TracingStatistics {
    const { exported, dropped, failed } = this;
    return { exported, dropped, failed };
  }

  add(span: Span): void {
    if (this.closed || this.waiting.length >= WAITING_MAX) {
      this.dropped++;
      return;
    }
    this.waiting.push(span);
    if (this.sending) return;
    if (this.waiting.length >= BATCH) this.send();
    else if (!this.timer.scheduled) this.clock.schedule(this.timer, EXPORT_MS);
  }

  private send(): void {
    if (this.sending || this.waiting.length === 0) return;
    this.clock.cancel(this.timer);
    this.sending = true;
    const batch = this.waiting.splice(0, BATCH);
    this.post(encodeSpans(batch, this.resource, { name: PRODUCT.toLowerCase(), version: VERSION }), (problem) => {
      this.sending = false;
      if (problem === undefined) this.exported += batch.length;
      else this.lost(batch.length, problem);
      if (this.waiting.length >= BATCH || this.closed) this.send();
      else if (this.waiting.length > 0) this.clock.schedule(this.timer, EXPORT_MS);
      if (!this.sending) this.idle?.();
    });
  }

  private lost(spans: number, problem: string): void {
    this.failed += spans;
    const now = this.clock.monotonicMs();
    if (now - this.loggedMs < FAILURE_LOGGED_MS) return;
    this.loggedMs = now;
    this.logger.warn({ collector: this.url.host, problem, failed: this.failed }, 'spans could not be exported');
  }

  private post(body: string, done: (problem: string | undefined) => void): void {
    let answered = false;
    const answer = (problem: string | undefined): void => {
      if (answered) return;
      answered = true;
      done(problem);
    };
    const options: http.RequestOptions = {
      method: 'POST',
      agent: this.agent,
      timeout: REQUEST_TIMEOUT_MS,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    };
    const request = (this.url.protocol === 'https:' ? https : http).request(this.url, options, (response) => {
      const { statusCode = 0 } = response;
      response.resume();
      response.on('end', () => answer(statusCode >= 200 && statusCode < 300 ? undefined : `status ${statusCode}`));
      response.on('error', (error) => answer(error.message));
    });
    // What it holds open is no reason for the process to stay.
    request.on('socket', (socket) => socket.unref());
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', (error) => answer((error as NodeJS.ErrnoException).code ?? error.message));
    request.end(body);
  }

  /** Sends what waits, as far as the collector takes it in `graceMs`. */
  async close(graceMs = 1_000): Promise<void> {
    this.closed = true;
    this.clock.cancel(this.timer);
    this.send();
    if (this.sending) {
      const timer = new Timer(() => this.idle?.());
      await new Promise<void>((resolve) => {
        this.idle = resolve;
        this.clock.schedule(timer, graceMs);
      });
      this.clock.cancel(timer);
    }
    this.dropped += this.waiting.length;
    this.waiting = [];
    this.agent.destroy();
  }
}
