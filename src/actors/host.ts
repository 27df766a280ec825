/**
 * The machine below the actors of one process: disk, clocks, other processes, stores. One place, so
 * that a simulation puts a machine of its own below the very same programs (R32).
 */
import { folderBytes } from '../adapters/disk/folders.ts'
import { type SendRequest, sendRequest } from '../adapters/exchange/rest-request.ts'
import type { LogClock, LogFiles } from '../adapters/log/log-files.ts'
import { nodeFiles, systemClock } from '../adapters/log/node-files.ts'
import { nodeProcess } from '../adapters/log/node-process.ts'
import type { LogProcess } from '../adapters/log/writer-lock.ts'
import { type KeptSchemas, keptSchemas } from '../adapters/schema/kept-schemas.ts'
import { steadyMs } from './steady-clock.ts'
import { openStores } from './storage/stores.ts'

export interface Host {
  /** Of event log and spool. */
  readonly files: LogFiles
  readonly clock: LogClock
  readonly process: () => Promise<LogProcess>
  /** Never goes back, whatever happens to the wall clock. */
  readonly monotonicMs: () => number
  /** The same clock, in milliseconds since 1970. */
  readonly steadyMs: () => number
  readonly keptSchemas: (folder: string) => KeptSchemas
  readonly openStores: typeof openStores
  readonly folderBytes: typeof folderBytes
  /** Asks a venue by HTTP. */
  readonly send: SendRequest
}

export const nodeHost: Host = {
  files: nodeFiles,
  clock: systemClock,
  process: nodeProcess,
  monotonicMs: () => performance.now(),
  steadyMs,
  keptSchemas,
  openStores,
  folderBytes,
  send: sendRequest
}
