/** Scenarios that this broker does not pass yet. They run against the peers, and are named at the end of each run. */
import type { Scenario } from './scenario.ts';

/** MQTT 5.0 is being built. */
export const isAwaited = (scenario: Scenario): boolean => scenario.level === 5;
