/** The one node there is, as RabbitMQ names nodes, and the cluster that it would be alone in. */
import { hostname } from 'node:os';

export const NODE = `entrepot@${hostname().split('.')[0]}`;
export const CLUSTER_NAME = `entrepot@${hostname()}`;
