/** Arguments as a JSON object, whose names RabbitMQ shows in their order. */
import type { Headers } from '../../../message/properties.ts';
import { onceEach, valueToJson } from '../../../message/values.ts';

export function argumentsJson(given: Headers): object {
  if (given.length === 0) return {};
  const sorted = [...onceEach(given)].sort((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(sorted.map(({ name, value }) => [name, valueToJson(value)]));
}
