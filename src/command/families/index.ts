/** All commands that ask a running broker, or look at a machine. Not loaded for `entrepot start`. */
import type { Command } from 'commander';
import { addBackup } from './backup.ts';
import { addBench } from './bench.ts';
import { addCompletion } from './completion.ts';
import { addChannels, addConnections, addConsumers } from './connections.ts';
import { addDefinitions } from './definitions.ts';
import { addDoctor } from './doctor.ts';
import { addBindings, addExchanges } from './exchanges.ts';
import { addPermissions } from './permissions.ts';
import { addPolicies } from './policies.ts';
import { addPublish } from './publish.ts';
import { addQueues } from './queues.ts';
import { addRedrives } from './redrives.ts';
import { addRetained, addSessions } from './sessions.ts';
import { addStatus } from './status.ts';
import { addSubscribe } from './subscribe.ts';
import { addTop } from './top.ts';
import { addUsers } from './users.ts';
import { addVhosts } from './vhosts.ts';

export function addFamilies(program: Command): void {
  addStatus(program);
  addTop(program);
  addVhosts(program);
  addUsers(program);
  addPermissions(program);
  addPolicies(program);
  addQueues(program);
  addRedrives(program);
  addExchanges(program);
  addBindings(program);
  addConnections(program);
  addChannels(program);
  addConsumers(program);
  addSessions(program);
  addRetained(program);
  addDefinitions(program);
  addPublish(program);
  addSubscribe(program);
  addBench(program);
  addBackup(program);
  addDoctor(program);
  addCompletion(program);
}
