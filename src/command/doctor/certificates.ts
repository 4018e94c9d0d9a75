/** Of the certificates that the settings name, each listener's own too: whether they can be read, and how long they are good for. */
import { X509Certificate } from 'node:crypto';
import type { ListenAddress } from '../../config/listen.ts';
import type { Config } from '../../config/schema.ts';
import { BrokerError } from '../../message/errors.ts';
import { readTlsFiles, type TlsFiles } from '../../transport/tls/files.ts';
import { count } from '../print/units.ts';
import { mayBeReadByAll } from './directory.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

const DAY_MS = 86_400_000;
const EXPIRES_SOON_DAYS = 30;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export function* certificates({ tls }: Config, addresses: readonly ListenAddress[], nowMs: number): Generator<Finding> {
  const seen = new Set<string>();
  for (const { secure, tls: own = {} } of addresses) {
    if (secure !== true) continue;
    const files: TlsFiles = {
      certificates: own.certificate === undefined ? tls.certificate : [own.certificate],
      keys: own.key !== undefined ? [own.key] : own.certificate === undefined ? tls.key : [],
      authority: own.authority ?? tls.authority,
    };
    const key = JSON.stringify(files);
    if (seen.has(key)) continue;
    seen.add(key);
    yield* pairsOf(files, nowMs);
  }
}

function* pairsOf(files: TlsFiles, nowMs: number): Generator<Finding> {
  try {
    const { pairs, authorityPem } = readTlsFiles(files);
    for (const { path, certificate } of pairs) yield lasts(path, certificate, nowMs);
    for (const path of files.keys.length > 0 ? files.keys : files.certificates) {
      if (mayBeReadByAll(path)) yield warning(path, `everybody on this machine may read the key: chmod o-r ${path}`);
    }
    const texts = authorityPem?.toString('latin1').match(PEM) ?? [];
    for (const text of texts) yield lasts(files.authority, new X509Certificate(text), nowMs);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    yield wrong('certificate', error.message);
  }
}

function lasts(path: string, { validFrom, validTo }: X509Certificate, nowMs: number): Finding {
  const fromMs = Date.parse(validFrom);
  if (fromMs > nowMs) return wrong(path, `not good before ${dayOf(fromMs)}: is the clock right?`);
  const untilMs = Date.parse(validTo);
  const days = Math.floor((untilMs - nowMs) / DAY_MS);
  const said = `good until ${dayOf(untilMs)}`;
  if (untilMs < nowMs) return wrong(path, `expired on ${dayOf(untilMs)}`);
  return days < EXPIRES_SOON_DAYS ? warning(path, `${said}: ${count(days)} days more`) : ok(path, said);
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
