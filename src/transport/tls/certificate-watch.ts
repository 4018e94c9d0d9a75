/**
 * Looks after the certificates of a broker: takes over files that have changed, and warns before one expires.
 *
 * Files are looked at every CHECK_MS, by what the system says of them: that is right too where a file is put in another's place, or
 * a link turned. Of a certificate that expires it is warned once at 30 days, once at 7, and once when it has.
 */
import type { X509Certificate } from 'node:crypto';
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Logger } from '../../logger.ts';
import { BrokerError } from '../../message/errors.ts';
import type { TlsCredentials } from './credentials.ts';

export const CHECK_MS = 10_000;
const DAY_MS = 86_400_000;
const WARNED_AT_DAYS = [30, 7, 0] as const;

export interface CertificateExpiry {
  /** Its file. */
  readonly path: string;
  /** Since the epoch. */
  readonly expiresMs: number;
}

/** A certificate in force, and where it is shown. */
export interface CertificateInForce extends CertificateExpiry {
  readonly certificate: X509Certificate;
  /** As they are configured, protocol, host and port. */
  readonly listeners: readonly string[];
}

export class CertificateWatch {
  private readonly all = new Map<TlsCredentials, Set<string>>();
  /** By path and expiry: how many of the warnings were given. */
  private readonly warned = new Map<string, number>();
  private readonly timer = new Timer(() => this.check());
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly dueMs: number;
  private readonly onDue: (due: boolean) => void;

  /** @param onDue told at each look whether a certificate expires within `dueMs`, or has */
  constructor(clock: Clock, logger: Logger, dueMs = 0, onDue: (due: boolean) => void = () => {}) {
    this.dueMs = dueMs;
    this.onDue = onDue;
    this.clock = clock;
    this.logger = logger;
  }

  /** @param listener that shows it: called for each */
  add(credentials: TlsCredentials, listener: string): void {
    const known = this.all.get(credentials);
    known?.add(listener);
    if (known !== undefined) return;
    this.all.set(credentials, new Set([listener]));
    this.warn();
    if (!this.timer.scheduled) this.clock.schedule(this.timer, CHECK_MS);
  }

  /** Of every certificate in force. */
  get expiries(): CertificateExpiry[] {
    const byPath = new Map<string, CertificateExpiry>();
    for (const { pairs } of this.all.keys()) {
      for (const { path, expiresMs } of pairs) byPath.set(path, { path, expiresMs });
    }
    return [...byPath.values()];
  }

  /** Every certificate in force, a file once. */
  get inForce(): CertificateInForce[] {
    const byPath = new Map<string, CertificateInForce>();
    for (const [{ pairs }, listeners] of this.all) {
      for (const { path, expiresMs, certificate } of pairs) {
        const before = byPath.get(path)?.listeners ?? [];
        byPath.set(path, { path, expiresMs, certificate, listeners: [...new Set([...before, ...listeners])] });
      }
    }
    return [...byPath.values()];
  }

  /** Reads all files anew, changed or not. */
  reload(): void {
    for (const credentials of this.all.keys()) this.reloadOne(credentials);
    this.warn();
  }

  close(): void {
    this.clock.cancel(this.timer);
  }

  private check(): void {
    this.clock.schedule(this.timer, CHECK_MS);
    for (const credentials of this.all.keys()) if (credentials.changed) this.reloadOne(credentials);
    this.warn();
  }

  private reloadOne(credentials: TlsCredentials): void {
    const certificates = credentials.settings.files.certificates;
    try {
      credentials.reload();
      this.logger.info({ certificates }, 'the TLS certificates were read again, for handshakes to come');
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      this.logger.warn({ problem: error.message }, 'TLS certificates have changed and are wrong: those in force stay');
    }
  }

  private warn(): void {
    const nowMs = this.clock.epochMs();
    this.onDue(this.expiries.some(({ expiresMs }) => expiresMs - nowMs <= this.dueMs));
    for (const { path, expiresMs } of this.expiries) {
      const key = `${path} ${expiresMs}`;
      const due = WARNED_AT_DAYS.filter((days) => expiresMs - nowMs <= days * DAY_MS).length;
      const before = this.warned.get(key) ?? 0;
      if (due <= before) continue;
      this.warned.set(key, due);
      const expires = new Date(expiresMs).toISOString();
      if (due === WARNED_AT_DAYS.length)
        this.logger.error({ certificate: path, expires }, 'a TLS certificate has expired');
      else this.logger.warn({ certificate: path, expires }, 'a TLS certificate expires soon');
    }
  }
}
