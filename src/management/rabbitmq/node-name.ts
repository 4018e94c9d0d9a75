/** The one node there is, as RabbitMQ names nodes. */
import { hostname } from 'node:os';

export const NODE = `entrepot@${hostname().split('.')[0]}`;
