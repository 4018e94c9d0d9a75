/** What clients and groups have of roles, and clients of groups: a name and a priority each. */
import type { AccessReader, Assignment, Member } from '../../../src/api/index.ts';
import { CommandRefused, type Json } from './fields.ts';

/** @throws CommandRefused */
export function memberOf(access: AccessReader, username: string): Member {
  const member = access.member(username);
  if (member === undefined) throw new CommandRefused('Client not found');
  return member;
}

/** @throws CommandRefused */
export function demandRoles(access: AccessReader, roles: readonly Assignment[]): void {
  for (const { name } of roles) if (access.role(name) === undefined) throw new CommandRefused('Role not found');
}

/** @throws CommandRefused */
export function demandGroups(access: AccessReader, groups: readonly Assignment[]): void {
  for (const { name } of groups) if (access.group(name) === undefined) throw new CommandRefused('Group not found');
}

/** One more. @param already in the plugin's word, where there is one of this name @throws CommandRefused */
export function added(assignments: readonly Assignment[], one: Assignment, already: string): Assignment[] {
  if (assignments.some(({ name }) => name === one.name)) throw new CommandRefused(already);
  return [...assignments, one];
}

export function without(assignments: readonly Assignment[], name: string): Assignment[] {
  return assignments.filter((one) => one.name !== name);
}

/** Assignments as they are listed: a priority of -1 is left out. */
export function shownAssignments(assignments: readonly Assignment[], as: string): Json[] {
  return assignments.map(({ name, priority }) => (priority === -1 ? { [as]: name } : { [as]: name, priority }));
}
