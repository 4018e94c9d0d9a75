/** Schedules: messages that come again and again, or by a calendar (`Draft.schedule`). */
import type { MessageView } from '../message/message.ts';

export interface ScheduleView {
  readonly id: string;
  /** Who has published it. */
  readonly user: string;
  readonly exchange: string;
  /** Dotted. */
  readonly routingKey: string;
  /** As in `Schedule`. */
  readonly delayMs: number;
  readonly periodMs: number;
  readonly repeat: number;
  readonly cron: string;
  /** Epoch milliseconds. */
  readonly madeAtMs: number;
  readonly nextMs: number;
  /** How many messages have come of it. */
  readonly fired: number;
}

/** The schedules that a client's user has made in its vhost. */
export interface OwnSchedules {
  /** The oldest first. */
  list(): readonly ScheduleView[];
  /** Nothing comes of it any more; safe with the mark that `Session.mark` gives afterwards. @returns false: the user has none of this id */
  remove(id: string): boolean;
  /** Shows its message. @param sink called once, perhaps before this returns; undefined: the user has none of this id, or it cannot be read */
  show(id: string, sink: (view: MessageView | undefined) => void): void;
}
