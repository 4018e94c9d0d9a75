/** Where clients come in, and the certificates that they are shown there. */
import { z } from 'zod';
import { CERTIFICATE_MS } from '../../../broker/alarms.ts';
import type { CertificateView } from '../../../operator/surroundings.ts';
import { type Operation, operation } from '../http/operation.ts';
import { json } from '../http/replies.ts';

const LISTENER = z.object({
  protocols: z.array(z.string()).describe('Over TLS with an `s` behind.'),
  addresses: z.array(z.object({ address: z.string(), port: z.number().int() })),
});

const CERTIFICATE = z.object({
  path: z.string().describe('The file that it was read from.'),
  subject: z.string(),
  issuer: z.string(),
  names: z.array(z.string()).describe('What clients may call the broker by: `DNS:broker.example.org`.'),
  from: z.iso.datetime(),
  until: z.iso.datetime(),
  daysLeft: z.number().int().describe('Whole days; below 0: it has expired.'),
  state: z.enum(['good', 'expires-soon', 'expired', 'not-yet']).describe('`expires-soon`: within two weeks.'),
  serial: z.string(),
  fingerprint: z.string().describe('SHA-256.'),
  listeners: z.array(z.string()).describe('Where it is shown: protocol, host and port, as configured.'),
});

function certificateShape(view: CertificateView, nowMs: number): z.output<typeof CERTIFICATE> {
  const { path, subject, issuer, names, fromMs, untilMs, serial, fingerprint, listeners } = view;
  const leftMs = untilMs - nowMs;
  const state =
    leftMs <= 0 ? 'expired' : fromMs > nowMs ? 'not-yet' : leftMs <= CERTIFICATE_MS ? 'expires-soon' : 'good';
  return {
    ...{ path, subject, issuer, names: [...names] },
    ...{ from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString() },
    ...{ daysLeft: Math.floor(leftMs / 86_400_000), state, serial, fingerprint, listeners: [...listeners] },
  };
}

export const LISTENERS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/listeners',
    id: 'listListeners',
    group: 'Listeners',
    summary: 'Tells where clients come in, and which certificates they are shown, those that expire first in front.',
    access: 'monitoring',
    answer: z.object({ listeners: z.array(LISTENER), certificates: z.array(CERTIFICATE) }),
    handle: ({ operator }) => {
      const { surroundings, nowMs } = operator;
      const certificates = [...surroundings.certificates()].sort((a, b) => a.untilMs - b.untilMs);
      return json({
        listeners: surroundings.listeners().map(({ protocols, addresses }) => ({
          protocols: [...protocols],
          addresses: addresses.map(({ address, port }) => ({ address, port })),
        })),
        certificates: certificates.map((one) => certificateShape(one, nowMs)),
      });
    },
  }),
];
