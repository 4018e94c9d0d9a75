/**
 * ActiveMQ's scheduler: what the headers of a SEND say of when its message comes, and again.
 *
 *     AMQ_SCHEDULED_DELAY      ms before the first message; alone: a delayed message
 *     AMQ_SCHEDULED_PERIOD     ms from one message to the next
 *     AMQ_SCHEDULED_REPEAT     how many follow the first; -1 for ever
 *     AMQ_SCHEDULED_CRON       when a run of them begins, again and again
 *
 * Messages that come of it say by `scheduledJobId` what they come of, and none of these headers: who forwards them would begin another.
 */
import { randomUUID } from 'node:crypto';
import {
  Cron,
  DELAY_MAX_MS,
  SCHEDULE_PERIOD_MAX_MS,
  SCHEDULE_REPEAT_MAX,
  type Schedule,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { wholeNumber } from '../codec/values.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';

export const DELAY = 'AMQ_SCHEDULED_DELAY';
export const PERIOD = 'AMQ_SCHEDULED_PERIOD';
export const REPEAT = 'AMQ_SCHEDULED_REPEAT';
export const CRON = 'AMQ_SCHEDULED_CRON';
export const JOB_ID = 'scheduledJobId';
export const SCHEDULE_HEADERS: readonly string[] = [DELAY, PERIOD, REPEAT, CRON, JOB_ID];

/** @throws FrameError for what is none */
export function scheduleOf(client: ConnectedClient, frame: Frame): Schedule {
  const number = (name: string, min: number, max: number): number => {
    const text = frame.header(name);
    return text === undefined ? 0 : wholeNumber(name, text, min, max);
  };
  const delayMs = number(DELAY, 0, DELAY_MAX_MS);
  const periodMs = number(PERIOD, 0, SCHEDULE_PERIOD_MAX_MS);
  const repeat = number(REPEAT, -1, SCHEDULE_REPEAT_MAX);
  const cron = frame.header(CRON)?.trim() ?? '';
  if (repeat !== 0 && periodMs === 0) {
    throw new FrameError(
      'Invalid header',
      `'${REPEAT}' needs a '${PERIOD}' of more than 0, or all would come at once.`,
    );
  }
  if (cron !== '') {
    if (repeat < 0) throw new FrameError('Invalid header', `With '${CRON}' a run must end: '${REPEAT}' cannot be -1.`);
    checkCron(cron);
  }
  return { id: randomUUID(), user: client.session.user, delayMs, periodMs, repeat, cron };
}

function checkCron(text: string): void {
  try {
    new Cron(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FrameError('Invalid header', `'${CRON}' cannot be read: ${error.message}.`);
  }
}
