/**
 * The metric families of `GET /metrics`: their names, help texts and where each number is read. All of it is read when it is
 * asked for.
 *
 * Counters begin at zero with the process. Names follow Prometheus' customs: a unit in the name, `_total` for what only
 * rises.
 */
import { brokerFamilies } from './broker-families.ts';
import type { Family } from './exposition.ts';
import { adapterFamilies, trafficFamilies } from './protocol-families.ts';
import type { BrokerStatistics } from './statistics.ts';
import { vhostFamilies } from './vhost-families.ts';

export function families(statistics: BrokerStatistics): Family[] {
  return [
    ...brokerFamilies(statistics),
    ...vhostFamilies(statistics.vhosts, statistics.oldestReadyMs),
    ...trafficFamilies(statistics.traffic, statistics.loginRefusals),
    ...adapterFamilies(statistics.protocols),
  ];
}
