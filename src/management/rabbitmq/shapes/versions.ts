/** Which RabbitMQ this API is that of, and what really answers. Tools look at the first and take what they find for granted. */
import { PRODUCT, VERSION } from '../../../version.ts';

export const RABBITMQ_VERSION = '3.10.8';

export const VERSIONS = {
  management_version: RABBITMQ_VERSION,
  product_version: VERSION,
  product_name: PRODUCT,
  rabbitmq_version: RABBITMQ_VERSION,
};

/** There is no Erlang here; what runs it instead is said in its place. */
export const RUNTIME = {
  erlang_version: process.versions.node,
  erlang_full_version: `Node.js ${process.version}`,
};
