/** What RabbitMQ's tools are told this broker is: one node, which is its own cluster. */
import type { GlobalParameters } from '../broker/global-parameters.ts';
import type { Config } from '../config/schema.ts';
import type { RabbitmqIdentity } from '../management/metrics/rabbitmq/broker-families.ts';
import { clusterId, clusterName, NODE } from '../management/rabbitmq/node-name.ts';

/** By adapter; others have their own. */
const PROTOCOLS: Readonly<Record<string, string>> = { amqp: 'amqp091' };

/** @param globals among which its cluster may have been given a name */
export function rabbitmqIdentity(
  config: Config,
  globals: GlobalParameters,
): RabbitmqIdentity & { readonly version: string } {
  return {
    node: NODE,
    get cluster() {
      return clusterName({ globals });
    },
    get clusterId() {
      return clusterId({ globals });
    },
    version: config.amqp.productVersion,
    protocol: (name) => PROTOCOLS[name] ?? name,
  };
}
