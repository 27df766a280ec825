/**
 * First module of a worker thread when sources are not built: makes TypeScript loadable there.
 * Node 20 does not hand the loader of the main thread down to its workers.
 */
import { workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

register()
await import(workerData.entry)
