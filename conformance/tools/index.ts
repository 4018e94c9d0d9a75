/** All tools that are replayed. */
import type { Tool } from './scenario.ts';
import { EXPORTER } from './scenarios/exporter.ts';
import { KEDA } from './scenarios/keda.ts';
import { RABBITMQADMIN_NG } from './scenarios/rabbitmqadmin-ng.ts';
import { TERRAFORM } from './scenarios/terraform.ts';

export const TOOLS: readonly Tool[] = [TERRAFORM, KEDA, RABBITMQADMIN_NG, EXPORTER];
