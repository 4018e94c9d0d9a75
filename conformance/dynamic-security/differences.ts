/**
 * Where Mosquitto 2.0.11's dynamic security answers otherwise than this broker, and why we do as we do. (`findings/mosquitto-ctrl-default-access.sh`,
 * `mosquitto-dynsec-variables.sh` and `mosquitto-dynsec-refused-command.sh` show three of them.)
 */
export const DIFFERENCES = {
  'default-access-set':
    'mosquitto_ctrl 2.0.11 sends `access` where the plugin reads `allow`, so setDefaultACLAccess changes nothing and says nothing. Here both are understood: what an operator sets is set.',
  'variables-filled':
    'The plugin of 2.0.11 takes %u and %c for plain text. Here they are the user and the client identifier, as in the ACL file.',
  'share-by-filter':
    'The plugin looks at the whole text `$share/group/filter`, so a rule for the filter says nothing of it, and one for # all. Here a shared subscription is judged by its filter: it brings what that brings.',
  'standing-subscription':
    'A subscription that is not allowed any more goes on in 2.0.11 until its client subscribes again. Here it ends at once, and the client is told.',
  'stays-connected':
    '2.0.11 ends the connection of a client whose roles or groups change, also where the command fails. Here the client stays, and what it may do changes at once; only what it may not have any more ends.',
  'answers-to-the-asker':
    'Every client that has subscribed to the response topic gets the answers of all others there. Here only who has asked gets them.',
  'will-at-connect':
    'Mosquitto takes a will that may not be published, and drops it when its time comes. Here the client hears of it while it is there.',
  'login-reason':
    'Mosquitto says 0x87, not authorized, to a wrong password; MQTT 5.0 has 0x86 for it, bad user name or password.',
  'bad-rules-refused':
    'The plugin leaves rules of unknown kinds out of a createRole, keeps filters that match nothing, and answers that all is well. Here the command is refused: a rule that denies nothing is worse than none.',
  'empty-name': 'The plugin makes a client, a role or a group without a name. Here a name has at least a character.',
} as const;

export type DifferenceId = keyof typeof DIFFERENCES;
