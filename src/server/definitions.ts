/** Definitions that a start takes over from a file, before anybody can connect. */
import { nodeFiles } from '../log/files/files.ts';
import type { Logger } from '../logger.ts';
import { type ImportedItem, importDefinitions, parsedDefinitions } from '../management/rabbitmq/definitions/import.ts';
import { Failure } from '../management/rabbitmq/http/errors.ts';
import { BrokerError } from '../message/errors.ts';
import type { Operator } from '../operator/operator.ts';

const PROBLEMS_MAX = 10;

/** @throws BrokerError invalid: the file cannot be read, or something in it cannot be had; what came before that is done */
export async function takeDefinitions(operator: Operator, file: string, logger: Logger): Promise<void> {
  const wrong = (why: string): BrokerError => new BrokerError('invalid', `definitions of ${file}: ${why}`);
  const bytes = await nodeFiles.readText(file).catch((error: NodeJS.ErrnoException) => {
    throw wrong(error.message);
  });
  if (bytes === undefined) throw wrong('there is no such file');
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  const problems: string[] = [];
  let done = 0;
  try {
    for await (const item of importDefinitions(operator, await parsedDefinitions(text), { user: '', goOn: true })) {
      if (item.outcome === 'failed') problems.push(told(item));
      else if (item.outcome === 'left-out') logger.warn({ definitions: file }, `left out: ${told(item)}`);
      else if (item.outcome === 'done') done++;
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw wrong(
      error.body?.reason === 'failed_to_parse_json' ? 'this is no JSON object' : JSON.stringify(error.body?.reason),
    );
  }
  if (problems.length > 0) {
    const more = problems.length - PROBLEMS_MAX;
    throw wrong(`${problems.slice(0, PROBLEMS_MAX).join('; ')}${more > 0 ? `; and ${more} more` : ''}`);
  }
  logger.info({ definitions: file, done }, 'definitions have been taken over');
}

function told({ kind, name, vhost, reason }: ImportedItem): string {
  return `${kind} '${name}'${vhost === undefined ? '' : ` in vhost '${vhost}'`}: ${reason}`;
}
