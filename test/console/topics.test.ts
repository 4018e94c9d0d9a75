/** The console's tree of topics: what is counted where, and that it stays as small as it should. */
import { expect, test } from 'vitest';
import { level, TopicTree, topicOfKey } from '../../console/src/topics.ts';

const value = (text: string) => ({ atMs: 0, text });

test('a message is counted with its topic and all above, a topic once', () => {
  const tree = new TopicTree(100);
  for (const topic of ['a/b', 'a/b', 'a/c', 'a']) tree.add(topic, value(topic));
  const a = tree.root.children.get('a')!;
  expect([tree.root.topics, tree.root.messages]).toEqual([3, 4]);
  expect([a.topics, a.messages, a.last?.text]).toEqual([3, 4, 'a']);
  expect([a.children.get('b')!.topics, a.children.get('b')!.messages]).toEqual([1, 2]);
});

test('empty levels are levels', () => {
  const tree = new TopicTree(100);
  tree.add('/a//b', value('x'));
  expect(tree.root.children.get('')?.children.get('a')?.children.get('')?.children.get('b')?.topic).toBe('/a//b');
});

test('what there is no room for is counted, and what is known goes on', () => {
  const tree = new TopicTree(3);
  for (const topic of ['a/b', 'c', 'd', 'e/f/g', 'a/b']) tree.add(topic, value(topic));
  expect(tree.passedOver).toBe(2);
  expect(tree.root.children.get('a')!.children.get('b')!.messages).toBe(2);
  // Nothing of what was passed over is left hanging.
  expect([...tree.root.children.keys()]).toEqual(['a', 'c']);
});

test('a level is shown by name, so many of it', () => {
  const tree = new TopicTree(100);
  for (const topic of ['c', 'a', 'b']) tree.add(topic, value(''));
  const [shown, more] = level(tree.root, 2);
  expect([shown.map(({ name }) => name), more]).toEqual([['a', 'b'], 1]);
});

test('keys and topics trade slashes for dots', () => {
  expect(topicOfKey('v1/2.x')).toBe('v1.2/x');
});
