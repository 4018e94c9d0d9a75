/** What a publish may say of itself (when it is to come, that it is a half message, which message it is): one table for all who can say it. */
import { expect } from 'vitest';
import { untilAsked } from '../../support/until.ts';
import { type Answer, type Cell, DONE } from './cells.ts';
import type { Scene } from './scene.ts';

export interface SaidMessage {
  readonly exchange: string;
  /** Dotted. */
  readonly key: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | number>>;
}

const DENIED = { topics: [{ exchange: 'amq.topic', write: '^other', read: '.*' }] };

/** @param publish says it with the client, once; how that ended */
export function saidCells<C>(
  scene: Scene,
  publish: (client: C, message: SaidMessage) => Promise<Answer>,
): Record<'delay' | 'half message' | 'taken once', Cell<C>> {
  const exchange = 'amq.topic';
  const delayed = (client: C): Promise<Answer> =>
    publish(client, { exchange, key: 'mine.late', body: 'x', headers: { 'x-opt-delivery-delay': 1 } });
  const half = (client: C, action: string, id: string): Promise<Answer> =>
    publish(client, {
      ...{ exchange, key: 'mine.half', body: 'x' },
      headers: { 'x-half-message': action, 'x-half-id': id },
    });
  const { halfMessages } = scene.broker.running.operator;
  const isHeld = (wanted: string): boolean => halfMessages.list('/').items.some(({ id }) => id === wanted);
  return {
    delay: {
      denied: DENIED,
      attempt: async (client) => {
        await scene.arrived();
        const answer = await delayed(client);
        if (answer === DONE) await untilAsked(async () => (await scene.arrived()) === 1, 'the delayed message');
        return answer;
      },
      // What has been taken, and may have been confirmed, comes when it is due: nothing more is taken.
      begin: async (client) => {
        await scene.arrived();
        expect(await delayed(client)).toBe(DONE);
        return async () => {
          const answer = await delayed(client);
          await untilAsked(async () => (await scene.arrived()) === 1, 'the delayed message');
          return answer;
        };
      },
    },
    'half message': {
      denied: DENIED,
      attempt: async (client) => {
        const id = scene.fresh('half');
        const answer = await half(client, 'prepare', id);
        expect(isHeld(id)).toBe(answer === DONE);
        return answer;
      },
      // Prepared while it was permitted, and to be committed when it is not.
      begin: async (client) => {
        const id = scene.fresh('half');
        expect(await half(client, 'prepare', id)).toBe(DONE);
        return async () => {
          const answer = await half(client, 'commit', id);
          expect(isHeld(id)).toBe(true);
          return answer;
        };
      },
    },
    'taken once': {
      denied: DENIED,
      attempt: async (client) => {
        const id = scene.fresh('id');
        const answer = await publish(client, {
          ...{ exchange, key: 'mine.once', body: 'u' },
          headers: { 'x-deduplication-header': id },
        });
        // Whoever may not publish has not used up the id for who may.
        expect(await scene.once(id)).toBe(answer === DONE ? 'u' : 'admin');
        return answer;
      },
    },
  };
}
