/**
 * First module of every worker thread: makes TypeScript loadable there, then runs the entry.
 * Node 20 does not hand the loader of the main thread down to its workers.
 */
import { workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

register()
await import(workerData.entry)
