/** Body frames of one channel, as `BodySender` cuts a large body into them. [§4.2.6] */
import type { BodyFraming } from '../../../src/api/index.ts';
import { FRAME_BODY, FRAME_END } from '../codec/constants.ts';
import { frameHead } from '../codec/frame-writer.ts';

const HEAD_BYTES = 7;
const TAIL_BYTES = 1;

/** @param payloadBytesMax what fits into one frame, as agreed; every frame but a body's last is as large */
export function bodyFraming(channel: number, payloadBytesMax: number): BodyFraming {
  return {
    payloadBytesMax,
    headBytes: HEAD_BYTES,
    tailBytes: TAIL_BYTES,
    writeHead(buffer, at, payloadBytes) {
      frameHead(buffer, at, FRAME_BODY, channel, payloadBytes);
    },
    writeTail(buffer, at) {
      buffer[at] = FRAME_END;
    },
  };
}
