/** What is around the broker, for its operator. */
import type { Broker } from '../broker/broker.ts';
import type { Watermarks } from '../broker/watermarks.ts';
import type { CertificateView, Surroundings } from '../operator/surroundings.ts';
import type { Connections } from '../transport/connections.ts';
import type { CertificateInForce } from '../transport/tls/certificate-watch.ts';
import type { GuardedServers } from './guarded-servers.ts';
import type { Listeners } from './listeners.ts';

export interface Around {
  readonly open: Listeners;
  readonly clients: Connections;
  readonly guarded: GuardedServers;
  readonly watermarks: Watermarks;
  readonly descriptors: number | undefined;
  readonly broker: Pick<Broker, 'diskFull'>;
}

export function surroundingsOf({ open, clients, guarded, watermarks, descriptors, broker }: Around): Surroundings {
  return {
    listeners: () => open.all.map(({ name, addresses }) => ({ protocols: name.split('+'), addresses })),
    certificates: () => guarded.certificates.map(certificateView),
    machine: () => {
      const { memoryMaxBytes, diskFreeMinBytes, diskFreeBytes, memoryScarce, diskScarce } = watermarks.statistics;
      return {
        ...{ memoryMaxBytes, diskFreeMinBytes, diskFreeBytes },
        alarms: [
          ...(memoryScarce ? (['memory'] as const) : []),
          // A full disk is under any mark, also where there is none.
          ...(diskScarce || broker.diskFull ? (['disk'] as const) : []),
        ],
        sockets: clients.size,
        socketsMax: clients.limit,
        descriptorsMax: descriptors ?? 0,
      };
    },
  };
}

function certificateView({ path, expiresMs, certificate, listeners }: CertificateInForce): CertificateView {
  return {
    ...{ path, untilMs: expiresMs, fromMs: Date.parse(certificate.validFrom), listeners },
    ...{ subject: inLine(certificate.subject), issuer: inLine(certificate.issuer) },
    names: certificate.subjectAltName?.split(', ') ?? [],
    ...{ serial: certificate.serialNumber, fingerprint: certificate.fingerprint256 },
  };
}

/** The most specific part first, as RFC 4514 has it. */
function inLine(name: string | undefined): string {
  return (name ?? '').split('\n').reverse().join(', ');
}
