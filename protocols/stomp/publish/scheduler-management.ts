/**
 * ActiveMQ's management of its scheduler: a SEND to `/topic/ActiveMQ.Scheduler.Management` that says in `AMQ_SCHEDULER_ACTION` what is to be
 * done with the schedules that the client's user has made.
 *
 *     BROWSE       each of their messages goes to `reply-to`, with the headers that it was scheduled by
 *     REMOVE       ends the one that `scheduledJobId` names
 *     REMOVEALL    ends all of them
 *
 * With `AMQ_SCHEDULER_ACTION_START_TIME` and `…_END_TIME` (ms since the epoch) BROWSE and REMOVEALL mean those that are next due between
 * them. Without an action it is a message like any other.
 */
import { DOT, Draft, type MessageView, type ScheduleView } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import { escapeText } from '../codec/escape.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT, REPLY_TO } from '../codec/names.ts';
import { wholeNumber } from '../codec/values.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { formatDestination } from '../mapping/destinations.ts';
import { STOMP_DIALECT } from '../mapping/properties.ts';
import { ORIGINAL_DESTINATION } from '../mapping/stored-headers.ts';
import { CRON, DELAY, JOB_ID, PERIOD, REPEAT } from './schedule.ts';

const ACTION = 'AMQ_SCHEDULER_ACTION';
const TIME_MAX_MS = 999_999_999_999_999;
/** Of one BROWSE. */
const BROWSED_MAX = 1_000;

/** Carries out what the frame asks for; false: it asks for nothing of the kind. @throws FrameError, BrokerError */
export function manageSchedules(client: ConnectedClient, frame: Frame): boolean {
  const action = frame.header(ACTION);
  if (action === undefined) return false;
  const { schedules } = client.session;
  switch (action) {
    case 'BROWSE':
      browse(client, frame);
      return true;
    case 'REMOVE': {
      const id = frame.header(JOB_ID);
      if (id === undefined) throw new FrameError('Missing Header', `REMOVE must have a '${JOB_ID}' header.`);
      schedules.remove(id); // as with ActiveMQ: one that is gone needs no removing
      break;
    }
    case 'REMOVEALL':
      for (const { id } of meant(client, frame)) schedules.remove(id);
      break;
    default:
      throw new FrameError('Invalid header', `'${ACTION}' must be BROWSE, REMOVE or REMOVEALL, not '${action}'.`);
  }
  client.receipts.answerWhenAllSafe(frame);
  return true;
}

function meant(client: ConnectedClient, frame: Frame): ScheduleView[] {
  const time = (name: string, otherwise: number): number => {
    const text = frame.header(name);
    return text === undefined ? otherwise : wholeNumber(name, text, 0, TIME_MAX_MS);
  };
  const from = time(`${ACTION}_START_TIME`, 0);
  const to = time(`${ACTION}_END_TIME`, TIME_MAX_MS);
  return client.session.schedules.list().filter(({ nextMs }) => nextMs >= from && nextMs <= to);
}

/** Sends them one after the other; the client's next frame waits for the last one. */
function browse(client: ConnectedClient, frame: Frame): void {
  const replyTo = frame.text(REPLY_TO);
  if (replyTo === undefined) throw new FrameError('Missing Header', "BROWSE must have a 'reply-to' header.");
  const target = client.targets.named(frame, replyTo);
  const listed = meant(client, frame).slice(0, BROWSED_MAX);
  const index = frame.indexOf(RECEIPT);
  const receipt =
    index < 0 ? undefined : Buffer.from(frame.buffer.subarray(frame.valueStart(index), frame.valueEnd(index)));
  const { session } = client;
  let reading = false;
  let at = 0;
  const step = (): boolean => {
    while (!reading && at < listed.length) {
      reading = true;
      const schedule = listed[at++]!;
      session.schedules.show(schedule.id, (view) => {
        reading = false;
        if (view !== undefined)
          client.resume(receipt, () => void session.publish(target.route, copyOf(view, schedule)));
      });
      session.share.work.spend(4);
      if (session.share.work.over) break;
    }
    return !reading && at >= listed.length;
  };
  session.share.run(step, () => {
    if (receipt !== undefined) client.receipts.owe(receipt, 0, receipt.length, session.mark(), false);
  });
}

function copyOf(view: MessageView, { delayMs, periodMs, repeat, cron, exchange, routingKey }: ScheduleView): Draft {
  const draft = new Draft();
  const sentTo = escapeText(formatDestination(exchange, routingKey, DOT));
  const lines = [
    `${ORIGINAL_DESTINATION}:${sentTo}\n`,
    ...(delayMs > 0 ? [`${DELAY}:${delayMs}\n`] : []),
    ...(periodMs > 0 ? [`${PERIOD}:${periodMs}\n`] : []),
    ...(repeat !== 0 ? [`${REPEAT}:${repeat}\n`] : []),
    ...(cron !== '' ? [`${CRON}:${cron}\n`] : []),
  ];
  const props = Buffer.concat([view.props.subarray(view.propsStart, view.propsEnd), Buffer.from(lines.join(''))]);
  draft.dialect = STOMP_DIALECT.id;
  draft.props = props;
  draft.propsEnd = props.length;
  if (view.large !== null) draft.large = view.large;
  else {
    draft.body = Buffer.from(view.body.subarray(view.bodyStart, view.bodyEnd));
    draft.bodyEnd = draft.body.length;
  }
  return draft;
}
