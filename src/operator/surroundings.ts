/** What is around the broker, as far as an operator asks for it: whoever builds the whole (`src/server/`) has it. */
import type { Endpoint } from '../api/endpoint.ts';

export interface ListenerView {
  /** The protocols that are spoken there, by the adapters' names; over TLS with an `s` behind. */
  readonly protocols: readonly string[];
  readonly addresses: readonly Endpoint[];
}

export interface CertificateView {
  /** The file that it was read from. */
  readonly path: string;
  /** As `CN=broker, O=Example`. */
  readonly subject: string;
  readonly issuer: string;
  /** What clients may call the broker by: `DNS:broker.example.org`. */
  readonly names: readonly string[];
  /** Epoch milliseconds. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly serial: string;
  /** SHA-256, in hexadecimal with colons. */
  readonly fingerprint: string;
  /** Where it is shown: protocol, host and port, as configured. */
  readonly listeners: readonly string[];
}

/** Of what there is too little. */
export type AlarmResource = 'memory' | 'disk';

export interface MachineView {
  /** Bytes; 0: no mark. */
  readonly memoryMaxBytes: number;
  readonly diskFreeMinBytes: number;
  /** As last seen; undefined: not known. */
  readonly diskFreeBytes: number | undefined;
  readonly alarms: readonly AlarmResource[];
  readonly sockets: number;
  readonly socketsMax: number;
  /** Files that the process may have open. */
  readonly descriptorsMax: number;
}

export interface Surroundings {
  listeners(): readonly ListenerView[];
  certificates(): readonly CertificateView[];
  machine(): MachineView;
}

/** For a broker that nothing is around. */
export const NO_SURROUNDINGS: Surroundings = {
  listeners: () => [],
  certificates: () => [],
  machine: () => ({
    memoryMaxBytes: 0,
    diskFreeMinBytes: 0,
    diskFreeBytes: undefined,
    alarms: [],
    sockets: 0,
    socketsMax: 0,
    descriptorsMax: 0,
  }),
};
