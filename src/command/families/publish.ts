/** `entrepot pub`: one message to an address of any protocol, confirmed when it is safe. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { api } from '../reach/client.ts';
import { addressOf } from './address.ts';
import { asking, assignments, type CommonFlags, connected, done, repeated } from './context.ts';

const BODY_BYTES_MAX = 8 * 1024 * 1024;

type PublishFlags = CommonFlags & {
  readonly vhost: string;
  readonly type?: string;
  readonly transient?: boolean;
  readonly header?: string[];
};

export function addPublish(program: Command): void {
  asking(program, 'pub <address> [body]', 'publish a message; without a body what comes on standard input')
    .option('--vhost <name>', 'where', '/')
    .option('--type <type>', 'content type')
    .option('--header <key=value>', 'may be repeated', repeated)
    .option('--transient', 'it need not outlive the broker')
    .addHelpText(
      'after',
      '\nExamples:\n  entrepot pub queue:orders hello\n  entrepot pub mqtt:plant/7/temperature 21.5',
    )
    .action(
      connected<PublishFlags>(async (context, [given = '', text], { vhost, type, transient, header }) => {
        const { exchange, key } = addressOf(given);
        const payload = text === undefined ? await fromInput() : Buffer.from(text);
        const body = {
          routing_key: key,
          payload: payload.toString('base64'),
          payload_encoding: 'base64',
          properties: {
            delivery_mode: transient === true ? 1 : 2,
            ...(type !== undefined && { content_type: type }),
            ...(header !== undefined && { headers: assignments(header) }),
          },
        };
        const path = api`/exchanges/${vhost}/${exchange === '' ? 'amq.default' : exchange}/publish`;
        const answer = (await context.client.send('POST', path, { body })).body as { routed: boolean };
        if (!answer.routed)
          throw new CommandError(EXIT.failed, 'no queue took it: there is none, or none is bound for it');
        done(context, 'published', given);
      }),
    );
}

async function fromInput(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of process.stdin) {
    bytes += (piece as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw new CommandError(EXIT.usage, 'a body may have 8 MiB at most here');
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}
