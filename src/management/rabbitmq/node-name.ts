/** The one node there is, as RabbitMQ names nodes, and the cluster that it would be alone in. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Operator } from '../../operator/operator.ts';

export const NODE = `entrepot@${hostname().split('.')[0]}`;
export const CLUSTER_NAME = `entrepot@${hostname()}`;

/** The global parameter that names the cluster, and the one that says which it is whatever it is called. */
export const CLUSTER_NAME_PARAMETER = 'cluster_name';
export const CLUSTER_ID_PARAMETER = 'internal_cluster_id';
const CLUSTER_ID = `rabbitmq-cluster-id-${createHash('sha256').update(NODE).digest('base64url').slice(0, 22)}`;

export function clusterName({ globals }: Pick<Operator, 'globals'>): string {
  const named = globals.get(CLUSTER_NAME_PARAMETER);
  return typeof named === 'string' ? named : CLUSTER_NAME;
}

export function clusterId({ globals }: Pick<Operator, 'globals'>): string {
  const given = globals.get(CLUSTER_ID_PARAMETER);
  return typeof given === 'string' ? given : CLUSTER_ID;
}
