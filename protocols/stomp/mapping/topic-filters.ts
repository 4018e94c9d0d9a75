/** Filters of topics, and ActiveMQ's virtual topics. */
import { TOPIC_EXCHANGE } from './destinations.ts';

/** Of a virtual topic's consumers: `Consumer.NAME.VirtualTopic.TOPIC`. */
const VIRTUAL = /^Consumer\.[^.]+\.(VirtualTopic\..+)$/;

/** The filter that a queue of a virtual topic's consumers is bound with; undefined for any other queue. */
export function virtualFilterOf(queue: string): string | undefined {
  const topic = VIRTUAL.exec(queue)?.[1];
  return topic === undefined ? undefined : activemqFilter(topic);
}

/** A destination's key as a filter. @param understood ActiveMQ's `>`, for any number of levels, is */
export function topicFilter(exchange: string, key: string, understood: boolean): string {
  return understood && exchange === TOPIC_EXCHANGE ? activemqFilter(key) : key;
}

function activemqFilter(key: string): string {
  if (key === '>') return '#';
  return key.endsWith('.>') ? `${key.slice(0, -1)}#` : key;
}
