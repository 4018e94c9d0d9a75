/** MQTT 3.1, 3.1.1 and 5.0 for Entrepot. */
import type { Protocol } from '../../src/api/index.ts';
import { MqttAdapter } from './adapter.ts';
import type { MqttOptions } from './options.ts';
import type { MqttStats } from './stats.ts';

export type { MqttOptions, MqttStats };

export interface MqttProtocol extends Protocol {
  readonly stats: MqttStats;
}

/** @throws RangeError for an option out of its range */
export function mqtt(options: MqttOptions = {}): MqttProtocol {
  return new MqttAdapter(options);
}
