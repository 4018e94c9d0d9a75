/** What a publish says of a message that is to come again and again, or by a calendar: `AMQ_SCHEDULED_…` to ActiveMQ's clients. */
export interface Schedule {
  /** Unique in the vhost; by it the schedule is listed and removed. */
  readonly id: string;
  /** Whoever publishes it: for each message that comes of it he must be one who may. */
  readonly user: string;
  /** Before the first message, or before the first of each run of the calendar's. 0: `periodMs` */
  readonly delayMs: number;
  /** Between one message and the next. */
  readonly periodMs: number;
  /** How many follow the first; -1: it never ends. */
  readonly repeat: number;
  /** When a run begins, in the words of cron; '' for once, now. */
  readonly cron: string;
}

/** Milliseconds of a period at most: ten years. */
export const SCHEDULE_PERIOD_MAX_MS = 315_360_000_000;
export const SCHEDULE_REPEAT_MAX = 2_147_483_647;
