/** Every protocol that can be fuzzed, by the name under which it is asked for. */
import type { FuzzTarget } from './target.ts';
import { amqpTarget } from './targets/amqp.ts';
import { amqpCodecTarget } from './targets/amqp-codec.ts';
import { amqp10Target } from './targets/amqp10.ts';
import { mqttTarget } from './targets/mqtt.ts';
import { mqttCodecTarget } from './targets/mqtt-codec.ts';
import { redisTarget } from './targets/redis.ts';
import { stompTarget } from './targets/stomp.ts';

export const targets: Readonly<Record<string, FuzzTarget>> = {
  [amqpTarget.name]: amqpTarget,
  [amqp10Target.name]: amqp10Target,
  [mqttTarget.name]: mqttTarget,
  [amqpCodecTarget.name]: amqpCodecTarget,
  [mqttCodecTarget.name]: mqttCodecTarget,
  [redisTarget.name]: redisTarget,
  [stompTarget.name]: stompTarget,
};
