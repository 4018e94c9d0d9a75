/** `entrepot auth explain`: which rule lets a user do something, or does not, of a broker that runs or of a stopped one's data. */
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { DirectoryLocked } from '../../log/files/lock.ts';
import type { AccessQuestion, AccessVerdict } from '../../operator/access/explain-access.ts';
import { CommandError, EXIT, EXIT_CODES } from '../exit.ts';
import { addAccessOptions, reachBroker } from '../reach/access.ts';
import { type CommonFlags, family, printing, reported, withUsageCode } from './context.ts';

type ExplainFlags = CommonFlags & Pick<AccessQuestion, 'vhost' | 'topic' | 'clientId'>;

export function addAuth(program: Command): void {
  const auth = family(program, 'auth', 'who may do what');
  const explain = withUsageCode(
    auth
      .command('explain <user> <action> <resource>')
      .description('say which rule lets a user do something, or does not'),
  );
  addAccessOptions(explain)
    .option('--vhost <name>', 'where (default: /)')
    .option('--topic <key>', 'also with this key, its levels parted by a dot, of a topic exchange')
    .option('--client-id <id>', 'as the client calls itself')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
ACTION is configure, write or read, of queue:NAME or exchange:NAME; or publish, receive, subscribe or unsubscribe, of topic:A/B.
Asked is the broker that runs, or what a stopped one has left in its data directory. (--user is who logs in.)

Example:
  entrepot auth explain plant write exchange:amq.topic --topic plant.1
${EXIT_CODES}\n1 as well where the answer is no.`,
    )
    .action((user: string, action: string, resource: string, flags: ExplainFlags) =>
      reported(async () => {
        const { vhost, topic, clientId } = flags;
        const rules = await answered({ user, action, resource, vhost, topic, clientId }, flags);
        const allowed = rules.every((one) => one.allowed);
        const { json, out } = printing(flags.json === true);
        if (json) out(JSON.stringify({ user, allowed, rules }));
        else for (const { sentence } of rules) out(sentence);
        if (!allowed) process.exitCode = EXIT.failed;
      }),
    );
}

async function answered(question: AccessQuestion, flags: ExplainFlags): Promise<readonly AccessVerdict[]> {
  try {
    return await ofRunning(question, flags);
  } catch (error) {
    const stopped = error instanceof CommandError && error.exitCode === EXIT.unreachable && flags.url === undefined;
    if (!stopped) throw error;
    const { config, data } = flags;
    const settings = loadConfig(
      { ...(config !== undefined && { config }), ...(data !== undefined && { data }) },
      process.env,
    );
    const { explainStopped } = await import('../explain.ts');
    // A broker runs there, and is not reached: that is what is to be said.
    return explainStopped(question, settings.config).catch((fault: unknown) => {
      throw fault instanceof DirectoryLocked ? error : fault;
    });
  }
}

async function ofRunning(question: AccessQuestion, flags: ExplainFlags): Promise<readonly AccessVerdict[]> {
  const client = await reachBroker(flags, process.env);
  try {
    const { rules } = await client.get<{ readonly rules: readonly AccessVerdict[] }>('/v1/access', { ...question });
    return rules;
  } finally {
    client.close();
  }
}
