/** A broker with an administrator, and its control topic. */
import { RawClient } from '../../../../conformance/mqtt/raw-client.ts';
import type { Level } from '../../../../conformance/mqtt/received.ts';
import type { BrokerOptions } from '../../../../src/index.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';

export const CONTROL = '$CONTROL/dynamic-security/v1';
export const RESPONSE = `${CONTROL}/response`;

export type Json = Readonly<Record<string, unknown>>;

export interface ControlledBroker {
  readonly broker: TestBroker;
  readonly admin: Admin;
  /** Somebody's client. */
  connect(
    user: string,
    options?: { clientId?: string; level?: Level; clean?: boolean; password?: string },
  ): Promise<RawClient>;
  stop(): Promise<void>;
}

export class Admin {
  readonly client: RawClient;

  constructor(client: RawClient) {
    this.client = client;
  }

  /** The responses to a payload. */
  async send(payload: string): Promise<readonly Json[]> {
    await this.client.publish(CONTROL, payload, { qos: 1 });
    const answer = await this.client.expectAmong('publish');
    return (JSON.parse(answer.payload.toString()) as { responses: Json[] }).responses;
  }

  ask(...commands: readonly (readonly [command: string, fields?: Json])[]): Promise<readonly Json[]> {
    return this.send(JSON.stringify({ commands: commands.map(([command, fields]) => ({ command, ...fields })) }));
  }

  /** All of these, which must not be refused. */
  async do(...commands: readonly (readonly [command: string, fields?: Json])[]): Promise<void> {
    for (const response of await this.ask(...commands)) {
      if (response['error'] !== undefined) throw new Error(JSON.stringify(response));
    }
  }
}

export async function startControlled(data?: string, more: BrokerOptions = {}): Promise<ControlledBroker> {
  const broker = await startTestBroker({
    ...more,
    ...(data !== undefined && { data }),
    users: { admin: { password: 'p', tags: ['administrator'], permissions: { '/': ALL } } },
  });
  const connect: ControlledBroker['connect'] = async (
    user,
    { clientId = '', level = 5, clean = true, password = 'p' } = {},
  ) => {
    const client = await RawClient.open(broker.ports.mqtt, level);
    const properties = level === 5 && !clean ? { properties: { sessionExpiryInterval: 3600 } } : {};
    return client.connected({ clientId, clean, username: user, password, ...properties });
  };
  const client = await connect('admin');
  await client.subscribe(RESPONSE);
  return {
    broker,
    admin: new Admin(client),
    connect,
    async stop() {
      client.close();
      await broker.close();
    },
  };
}

const ALL = { configure: '.*', write: '.*', read: '.*' };
