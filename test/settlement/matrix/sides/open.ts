import type { Scene } from '../scene.ts';
import { AmqpSide } from './amqp.ts';
import { HttpSide } from './http.ts';
import { MqttSide } from './mqtt.ts';
import type { Protocol, Side } from './side.ts';
import { StompSide } from './stomp.ts';

export function openSide(scene: Scene, protocol: Protocol): Promise<Side> {
  if (protocol === 'AMQP 0-9-1') return AmqpSide.open(scene);
  if (protocol === 'MQTT 5') return MqttSide.open(scene);
  if (protocol === 'STOMP') return StompSide.open(scene);
  return Promise.resolve(new HttpSide(scene));
}
