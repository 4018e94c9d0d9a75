/** The one node there is, as RabbitMQ names nodes, and the cluster that it would be alone in. */
import { hostname } from 'node:os';
import type { Operator } from '../../operator/operator.ts';

export const NODE = `entrepot@${hostname().split('.')[0]}`;
export const CLUSTER_NAME = `entrepot@${hostname()}`;

/** The global parameter that names the cluster. */
export const CLUSTER_NAME_PARAMETER = 'cluster_name';

export function clusterName({ globals }: Pick<Operator, 'globals'>): string {
  const named = globals.get(CLUSTER_NAME_PARAMETER);
  return typeof named === 'string' ? named : CLUSTER_NAME;
}
