/** What is around the broker, as far as an operator asks for it: whoever builds the whole (`src/server/`) has it. */
import type { Endpoint } from '../api/endpoint.ts';

export interface ListenerView {
  /** As it was asked for: `name`, or several joined with `+`. */
  readonly name: string;
  /** The protocols that are spoken there, by the adapters' names. */
  readonly protocols: readonly string[];
  readonly addresses: readonly Endpoint[];
  readonly secure: boolean;
  /** When the certificate that it shows ends, epoch milliseconds. Undefined: it shows none. */
  readonly certificateUntilMs: number | undefined;
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
  machine(): MachineView;
  /** The data directory; undefined: everything is in memory. */
  readonly dataDirectory: string | undefined;
  /** The file that the settings were read from. */
  readonly configurationFile: string | undefined;
}

/** For a broker that nothing is around. */
export const NO_SURROUNDINGS: Surroundings = {
  listeners: () => [],
  machine: () => ({
    memoryMaxBytes: 0,
    diskFreeMinBytes: 0,
    diskFreeBytes: undefined,
    alarms: [],
    sockets: 0,
    socketsMax: 0,
    descriptorsMax: 0,
  }),
  dataDirectory: undefined,
  configurationFile: undefined,
};
