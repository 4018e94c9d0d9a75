/** The exchange types that there are, as RabbitMQ lists them. */
import { EXCHANGE_TYPES } from '../../../routing/kinds/exchange-types.ts';

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  direct: 'AMQP direct exchange, as per the AMQP specification',
  fanout: 'AMQP fanout exchange, as per the AMQP specification',
  headers: 'AMQP headers exchange, as per the AMQP specification',
  topic: 'AMQP topic exchange, as per the AMQP specification',
  'x-consistent-hash': 'Consistent Hashing Exchange',
  'x-modulus-hash': 'Modulus Hashing Exchange',
  'x-random': 'Random Exchange',
  'x-delayed-message': 'Delayed Message Exchange.',
};

export const EXCHANGE_TYPE_SHAPES: readonly object[] = [...EXCHANGE_TYPES].sort().map((name) => ({
  name,
  description: DESCRIPTIONS[name] ?? name,
  enabled: true,
}));
