/** STOMP's adapter on a socket before a core in memory (`AdapterHarness`). */
import { type StompOptions, type StompProtocol, stomp } from '../../../protocols/stomp/index.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import type { Dialect } from '../../../src/message/dialect.ts';
import { AdapterHarness } from '../../support/adapter-harness.ts';
import { RawClient } from './raw-client.ts';

/** Stands for another protocol: its property bytes are JSON of the neutral form. */
export const OTHER_DIALECT: Dialect = {
  id: 200,
  name: 'other',
  decode: (view) => JSON.parse(view.props.toString('utf8', view.propsStart, view.propsEnd)),
};

/** What no client can see of its connection, for tests that must know when something has come. */
export interface ConnectionInternals {
  readonly gate: { readonly reasons: number };
  readonly input: { readonly large: object | null };
  readonly client: { readonly receipts: { readonly owed: number; readonly behindBody: number } } | null;
  readonly timers: { readonly received: boolean };
}

export class StompHarness extends AdapterHarness<StompProtocol> {
  static async start(options: StompOptions = {}, start: Partial<StartOptions> = {}): Promise<StompHarness> {
    const protocol = stomp(options);
    return new StompHarness(await StompHarness.startBroker(protocol, OTHER_DIALECT, start), protocol).listen();
  }

  get stats(): StompProtocol['stats'] {
    return this.protocol.stats;
  }

  /** Of the connection that was accepted as number `index`, from 0; negative from the last one on. */
  internals(index = 0): ConnectionInternals {
    return this.handlers.at(index) as unknown as ConnectionInternals;
  }

  open(version = '1.2', more: Record<string, string> = {}): Promise<RawClient> {
    return RawClient.open(this.port, version, more);
  }
}
