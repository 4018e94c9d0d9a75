import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { Turn } from '../../src/clock/turn.ts';
import { TurnClock } from '../../src/clock/turn-clock.ts';
import { Dialects } from '../../src/message/dialect.ts';
import { MessageView } from '../../src/message/message.ts';
import { NO_PROPERTIES } from '../../src/message/properties.ts';
import { DroppedMessages } from '../../src/vhost/dropped-messages.ts';

describe('dropped messages', () => {
  it('are described by their identifiers alone: their headers may be thousands, and a hundred drops a second are described', () => {
    let decoded = 0;
    const dialects = new Dialects(() => 0);
    dialects.register({
      id: 9,
      name: 'counted',
      decode() {
        decoded++;
        return NO_PROPERTIES;
      },
      messageId: () => 'm1',
    });
    const dropped = new DroppedMessages(new TurnClock(new ManualClock(), new Turn()), dialects);
    const view = new MessageView();
    view.dialect = 9;
    dropped.tell('slow-subscriber', 'q', view);
    expect(dropped.latest()).toMatchObject([{ reason: 'slow-subscriber', queue: 'q', messageId: 'm1' }]);
    expect(decoded).toBe(0);
  });
});
