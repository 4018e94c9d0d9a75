/** Commands whose output differs on purpose, by their words, each with its reason. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  '-V plant declare policy name=wrong pattern=^q definition={"nosuch":5}':
    'RabbitMQ says which setting in a term of Erlang with its brackets escaped for HTML; ours names policy and setting',
};
