/** What RabbitMQ's tools are told this broker is: one node, which is its own cluster. */
import { createHash } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import type { RabbitmqIdentity } from '../management/metrics/rabbitmq/broker-families.ts';
import { NODE } from '../management/rabbitmq/node-name.ts';

/** By adapter; others have their own. */
const PROTOCOLS: Readonly<Record<string, string>> = { amqp: 'amqp091' };

export function rabbitmqIdentity(config: Config): RabbitmqIdentity & { readonly version: string } {
  const id = createHash('sha256').update(NODE).digest('base64url').slice(0, 22);
  return {
    node: NODE,
    cluster: NODE,
    clusterId: `rabbitmq-cluster-id-${id}`,
    version: config.amqp.productVersion,
    protocol: (name) => PROTOCOLS[name] ?? name,
  };
}
