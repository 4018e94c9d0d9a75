/** `entrepot users` */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { secretIn } from '../reach/access.ts';
import { api } from '../reach/client.ts';
import { askSecret } from '../reach/prompt.ts';
import { asking, type CommonFlags, connected, done, family } from './context.ts';
import { addPageOptions, listing, show } from './lists.ts';

interface User {
  readonly name: string;
  readonly tags: readonly string[] | string;
  readonly password_hash: string;
  readonly hashing_algorithm: string;
}

type UserFlags = CommonFlags & {
  readonly tags?: string;
  readonly newPasswordFile?: string;
  readonly newPassword?: boolean;
};

export function addUsers(program: Command): void {
  const users = family(program, 'users', 'who may log in');
  addPageOptions(asking(users, 'list', 'all that there are')).action(
    listing<User>(() => ({
      path: '/users',
      fields: 'name,tags,password_hash',
      paged: true,
      columns: [
        { title: 'NAME', text: ({ name }) => name, cuts: true },
        { title: 'TAGS', text: tagsOf, cuts: true },
        { title: 'PASSWORD', text: ({ password_hash }) => (password_hash === '' ? 'none' : 'yes') },
      ],
    })),
  );
  asking(users, 'show <name>', 'one of them').action(
    connected((context, [name = '']) =>
      show<User>(context, api`/users/${name}`, (user) => [
        ['Name', user.name],
        ['Tags', tagsOf(user)],
        ['Password', user.password_hash === '' ? 'none' : 'yes'],
      ]),
    ),
  );
  asking(users, 'add <name>', 'make one; the password is asked for, or in a file')
    .option('--tags <list>', 'with commas between: management, policymaker, monitoring, administrator')
    .option('--new-password-file <file>', "the new user's password")
    .option('--no-new-password', 'it cannot log in with a password')
    .action(
      connected<UserFlags>(async (context, [name = ''], flags) => {
        const there = await found(context.client, name);
        if (there !== undefined)
          throw new CommandError(EXIT.failed, `there is a user '${name}': 'users set' changes it`);
        const password = flags.newPassword === false ? undefined : await newPassword(name, flags);
        const body = { tags: flags.tags ?? '', ...(password !== undefined && { password }) };
        await context.client.send('PUT', api`/users/${name}`, { body });
        done(context, 'made', `user ${name}`);
      }),
    );
  asking(users, 'set <name>', 'change its tags, or its password')
    .option('--tags <list>', 'all it has from now on, with commas between')
    .option('--new-password', 'ask for another password')
    .option('--new-password-file <file>', 'another password')
    .action(
      connected<UserFlags>(async (context, [name = ''], flags) => {
        const wanted = flags.newPassword === true || flags.newPasswordFile !== undefined;
        if (flags.tags === undefined && !wanted)
          throw new CommandError(EXIT.usage, 'say what to change: --tags, --new-password');
        const { tags, password_hash, hashing_algorithm } = await context.client.get<User>(api`/users/${name}`);
        // What is left out is gone: a password that is to stay is given back as it is kept.
        const kept = password_hash === '' ? {} : { password_hash, hashing_algorithm };
        const secret = wanted ? { password: await newPassword(name, flags) } : kept;
        await context.client.send('PUT', api`/users/${name}`, { body: { tags: flags.tags ?? tags, ...secret } });
        done(context, 'changed', `user ${name}`);
      }),
    );
  asking(users, 'delete <name>', 'with its permissions').action(
    connected(async (context, [name = '']) => {
      await context.client.send('DELETE', api`/users/${name}`);
      done(context, 'deleted', `user ${name}`);
    }),
  );
}

function tagsOf({ tags }: User): string {
  return typeof tags === 'string' ? tags : tags.join(' ');
}

async function found(client: { get<T>(path: string): Promise<T> }, name: string): Promise<User | undefined> {
  try {
    return await client.get<User>(api`/users/${name}`);
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === EXIT.notFound) return undefined;
    throw error;
  }
}

async function newPassword(name: string, { newPasswordFile }: UserFlags): Promise<string> {
  if (newPasswordFile !== undefined) return secretIn(newPasswordFile, '--new-password-file');
  const otherwise = 'there is no terminal to ask for the new password at: use --new-password-file';
  const typed = await askSecret(`New password of ${name}`, otherwise);
  if (typed === '') throw new CommandError(EXIT.usage, 'an empty password lets nobody in');
  if (typed !== (await askSecret('Once more', otherwise)))
    throw new CommandError(EXIT.usage, 'these are two passwords');
  return typed;
}
