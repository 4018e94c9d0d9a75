/** Alarms are told once when they begin and once when they are over, whoever notices them. */
import { expect, it } from 'vitest';
import { Alarms } from '../../src/broker/alarms.ts';
import { type BrokerEvent, BrokerEvents } from '../../src/broker/events.ts';

it('of the machine are told once, however many vhosts notice; of a vhost each, until it is gone', () => {
  const told: BrokerEvent[] = [];
  const events = new BrokerEvents();
  events.add((event) => void told.push(event));
  const alarms = new Alarms(events);
  alarms.set('disk-full', 'a', true);
  alarms.set('disk-full', 'a', true);
  alarms.set('disk-full', 'b', true);
  alarms.set('disk-full', 'a', false);
  alarms.set('disk-full', 'b', false);
  alarms.set('retries', 'a', false);
  alarms.set('retries', 'a', true);
  alarms.set('retries', 'b', true);
  alarms.forget('b');
  alarms.set('log-failed', '', true);
  expect(told).toEqual([
    { kind: 'alarm-raised', resource: 'disk-full' },
    { kind: 'alarm-cleared', resource: 'disk-full' },
    { kind: 'alarm-raised', resource: 'retries', vhost: 'a' },
    { kind: 'alarm-raised', resource: 'retries', vhost: 'b' },
    { kind: 'alarm-cleared', resource: 'retries', vhost: 'b' },
    { kind: 'alarm-raised', resource: 'log-failed' },
  ]);
});
