/** Methods of class access, which old clients still ask: any realm is granted, with a ticket that nobody looks at. */

import { ACCESS_REQUEST, ACCESS_REQUEST_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { unimplementedMethod } from '../connection/method-errors.ts';
import type { MethodChannel } from './method-channel.ts';

export function accessMethod(channel: MethodChannel, method: number, fields: FieldReader): void {
  if (method !== ACCESS_REQUEST) throw unimplementedMethod();
  fields.shortString();
  fields.bits(5);
  fields.finish();
  channel.send(channel.begin(ACCESS_REQUEST_OK).uint16(1));
}
