/** Both brokers with the same back ends: this one in the test's own process, and RabbitMQ with its plugins. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBroker } from '../../src/index.ts';
import { AUDIENCE, type AuthService, type Issuer, jwtBackend } from '../../test/auth/backends/harness.ts';
import { installed, startRabbitmq } from '../peers/index.ts';

export interface BackendBroker {
  readonly amqpPort: number;
  readonly mqttPort: number;
  readonly stompPort: number;
  stop(): Promise<void>;
}

/** Whether the scenarios run on RabbitMQ too. */
export const WITHOUT_RABBITMQ = process.env['CONFORMANCE_PEERS'] !== 'all' || installed('rabbitmq') === undefined;

async function here(backend: object): Promise<BackendBroker> {
  const listen = ['amqp', 'mqtt', 'stomp'].map((name) => `${name}://127.0.0.1:0`);
  const running = await createBroker({ listen, auth: { backends: [backend] } });
  const ports = { amqpPort: running.port('amqp'), mqttPort: running.port('mqtt'), stompPort: running.port('stomp') };
  return { ...ports, stop: () => running.close() };
}

export const httpHere = (service: AuthService): Promise<BackendBroker> => here(service.backend());

export function httpThere(service: AuthService): Promise<BackendBroker> {
  const { http } = service.backend();
  return startRabbitmq({
    plugins: ['rabbitmq_auth_backend_http'],
    settings: [
      'auth_backends.1 = http',
      `auth_http.user_path = ${http?.userPath}`,
      `auth_http.vhost_path = ${http?.vhostPath}`,
      `auth_http.resource_path = ${http?.resourcePath}`,
      `auth_http.topic_path = ${http?.topicPath}`,
    ],
  });
}

export const tokensHere = (issuing: Issuer, directory: string): Promise<BackendBroker> =>
  here(jwtBackend(issuing, directory, { leeway: 0, additionalScopes: 'extra_scope' }));

export async function tokensThere(issuing: Issuer, directory: string): Promise<BackendBroker> {
  const key = join(directory, 'key.pem');
  await writeFile(key, issuing.publicKey.export({ type: 'spki', format: 'pem' }));
  return startRabbitmq({
    plugins: ['rabbitmq_auth_backend_oauth2'],
    settings: [
      'auth_backends.1 = rabbit_auth_backend_oauth2',
      `auth_oauth2.resource_server_id = ${AUDIENCE}`,
      'auth_oauth2.default_key = one',
      `auth_oauth2.signing_keys.one = ${key}`,
      'auth_oauth2.additional_scopes_key = extra_scope',
    ],
  });
}
