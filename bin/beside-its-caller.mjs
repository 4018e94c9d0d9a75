// Runs the command in a process of its own (`entrepot.mjs` calls it by another Node) that ends with its caller: one that is killed can hand on
// nothing, and a broker that nobody stops any more would keep its ports and its data. Where the caller ends in order, this one has ended before.
import { pathToFileURL } from 'node:url';

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// What is not a broker ends by itself.
process.channel?.unref();
process.argv.splice(1, 1);
await import(pathToFileURL(process.argv[1]).href);
