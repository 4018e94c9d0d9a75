/** Arguments as a JSON object, whose names RabbitMQ shows in their order. */
import type { Headers, Value } from '../../../message/properties.ts';
import { onceEach, valueToJson } from '../../../message/values.ts';

/** Digits as they are, in JSON that is written and not looked at before (ECMA-262's proposal, in V8 since 11.4). */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** A value as RabbitMQ's JSON has it: whole numbers are numbers, however large. */
export function valueShown(value: Value): unknown {
  return valueToJson(value, rawJSON);
}

export function argumentsJson(given: Headers): object {
  if (given.length === 0) return {};
  const sorted = [...onceEach(given)].sort((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(sorted.map(({ name, value }) => [name, valueShown(value)]));
}
