/** The client properties of connection.start-ok, as far as they matter here. [§1.4.2.2.1] */
import type { Headers } from '../../../../src/api/index.ts';

/**
 * Libraries that ask a broker for its product, and take every one that is not RabbitMQ at the specification's word:
 * basic.qos without `global` is for the channel, its running consumers among them. A Celery worker raises its prefetch so
 * for each task that is to run later, and would stand still if that changed nothing.
 */
const BY_THE_SPECIFICATION: ReadonlySet<string> = new Set(['py-amqp']);
const RABBITMQ = 'RabbitMQ';

export class ClientProperties {
  /** basic.qos without `global` changes running consumers as well. Otherwise, as with RabbitMQ, those to come only. */
  readonly qosOfRunning: boolean;
  private readonly capabilities = new Set<string>();

  /** @param announcedProduct what the client was told that this broker is */
  constructor(properties: Headers, announcedProduct = '') {
    const product = properties.find(({ name }) => name === 'product')?.value;
    this.qosOfRunning =
      announcedProduct !== RABBITMQ && typeof product === 'string' && BY_THE_SPECIFICATION.has(product);
    const capabilities = properties.find(({ name }) => name === 'capabilities')?.value;
    if (typeof capabilities !== 'object' || capabilities?.type !== 'map') return;
    for (const { name, value } of capabilities.value) if (value === true) this.capabilities.add(name);
  }

  can(capability: string): boolean {
    return this.capabilities.has(capability);
  }
}
