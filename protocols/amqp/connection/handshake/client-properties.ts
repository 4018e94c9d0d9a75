/** The client properties of connection.start-ok, as far as they matter here. [§1.4.2.2.1] */
import type { Headers } from '../../../../src/api/index.ts';
import { FieldReader } from '../../codec/field-reader.ts';

/**
 * Libraries that ask a broker for its product, and take every one that is not RabbitMQ at the specification's word:
 * basic.qos without `global` is for the channel, its running consumers among them. A Celery worker raises its prefetch so
 * for each task that is to run later, and would stand still if that changed nothing.
 */
const BY_THE_SPECIFICATION: ReadonlySet<string> = new Set(['py-amqp']);
const RABBITMQ = 'RabbitMQ';
const NOTHING = Buffer.alloc(0);

export class ClientProperties {
  /** basic.qos without `global` changes running consumers as well. Otherwise, as with RabbitMQ, those to come only. */
  readonly qosOfRunning: boolean;
  /** How it has logged in. */
  readonly mechanism: string;
  private readonly capabilities = new Set<string>();
  /** As they came: ten thousand clients say much of themselves, and an operator asks of few. */
  private readonly given: Buffer;

  /**
   * @param announcedProduct what the client was told that this broker is
   * @param given the same properties as a table's bytes
   */
  constructor(properties: Headers, announcedProduct = '', given = NOTHING, mechanism = '') {
    this.given = given;
    this.mechanism = mechanism;
    const product = properties.find(({ name }) => name === 'product')?.value;
    this.qosOfRunning =
      announcedProduct !== RABBITMQ && typeof product === 'string' && BY_THE_SPECIFICATION.has(product);
    const capabilities = properties.find(({ name }) => name === 'capabilities')?.value;
    if (typeof capabilities !== 'object' || capabilities?.type !== 'map') return;
    for (const { name, value } of capabilities.value) if (value === true) this.capabilities.add(name);
  }

  /** All that it has said. */
  get all(): Headers {
    return this.given.length === 0 ? [] : new FieldReader().begin(this.given, 0, this.given.length).table();
  }

  can(capability: string): boolean {
    return this.capabilities.has(capability);
  }
}
