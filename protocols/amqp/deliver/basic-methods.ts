/** Handlers of consuming, getting and recovering (class basic but for publishing and settling): from a method to the one it is for. [§1.8] */
import {
  BASIC_CANCEL,
  BASIC_CONSUME,
  BASIC_GET,
  BASIC_QOS,
  BASIC_RECOVER,
  BASIC_RECOVER_ASYNC,
} from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { unimplementedMethod } from '../connection/method-errors.ts';
import { type ConsumeChannel, cancel, consume, get, qos } from './consume-methods.ts';
import { recover } from './settle-methods.ts';

export function basicMethod(channel: ConsumeChannel, method: number, fields: FieldReader): void {
  switch (method) {
    case BASIC_QOS:
      qos(channel, fields);
      return;
    case BASIC_CONSUME:
      consume(channel, fields);
      return;
    case BASIC_CANCEL:
      cancel(channel, fields);
      return;
    case BASIC_GET:
      get(channel, fields);
      return;
    case BASIC_RECOVER:
    case BASIC_RECOVER_ASYNC:
      recover(channel, fields, method === BASIC_RECOVER);
      return;
    default:
      throw unimplementedMethod();
  }
}
