/**
 * A worker thread as a scoped resource, with typed messages both ways.
 *
 * 1. The thread ends with the scope: asked first, terminated after `stopMsMax`. Terminating a
 *    thread that is inside DuckDB aborts the process, so asking comes first.
 * 2. Whatever ends the thread ends `exited`: an uncaught error, running out of memory, an exit.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads'
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'

/** The thread ended, or failed to start. */
class WorkerExited extends Schema.TaggedError<WorkerExited>()('WorkerExited', {
  name: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `worker ${this.name} ended: ${this.detail}`
  }
}

export interface WorkerOptions<Data, Answer> {
  readonly name: string
  /** Module that the thread runs, by the name of its source (`.ts`). */
  readonly entry: URL
  /** Structured-cloneable; the entry gets it from `workerLink`. */
  readonly data: Data
  readonly heapBytesMax: number
  /** Room for new objects; less than the default saves memory and costs time at high rates. */
  readonly youngHeapBytesMax?: number | undefined
  /** How long the thread may take to end once it has been asked to. */
  readonly stopMsMax: number
  readonly onMessage: (message: Answer) => void
}

export interface WorkerThread<Request> {
  readonly post: (message: Request) => void
  /** Fails when the thread has ended, however it did. */
  readonly exited: Effect.Effect<never, WorkerExited>
}

interface Envelope<Data> {
  readonly entry: string
  readonly data: Data
}

/** Asks the thread to release everything and end; every entry handles it through `workerLink`. */
const stopRequest = 'thread.stop_requested'

export const openWorkerThread = <Data, Request, Answer>(
  options: WorkerOptions<Data, Answer>
): Effect.Effect<WorkerThread<Request>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => startThread(options)),
      ({ worker, exited }) =>
        Effect.gen(function* () {
          worker.postMessage(stopRequest)
          yield* Deferred.await(exited).pipe(
            Effect.ignore,
            Effect.timeoutOrElse({
              duration: options.stopMsMax,
              orElse: () => Effect.promise(() => worker.terminate())
            })
          )
        })
    ),
    ({ worker, exited }) => ({
      post: (message) => worker.postMessage(message),
      exited: Deferred.await(exited)
    })
  )

const mebibytes = (bytes: number): number => Math.ceil(bytes / 1_024 ** 2)

const startThread = <Data, Answer>(options: WorkerOptions<Data, Answer>) => {
  const exited = Deferred.makeUnsafe<never, WorkerExited>()
  const end = (detail: string) =>
    Deferred.doneUnsafe(exited, Effect.fail(new WorkerExited({ name: options.name, detail })))
  const envelope: Envelope<Data> = { entry: options.entry.href, data: options.data }
  const worker = new Worker(moduleOf(options.entry), {
    name: options.name,
    workerData: envelope,
    resourceLimits: {
      maxOldGenerationSizeMb: mebibytes(options.heapBytesMax),
      ...(options.youngHeapBytesMax === undefined
        ? {}
        : { maxYoungGenerationSizeMb: mebibytes(options.youngHeapBytesMax) })
    }
  })
  worker.on('message', options.onMessage)
  worker.on('messageerror', (error) => end(`a message could not be read: ${error.message}`))
  worker.on('error', (error) => end(error instanceof Error ? error.message : String(error)))
  worker.on('exit', (code) => end(`exit code ${code}`))
  return { worker, exited }
}

/**
 * Built sources run as they are. From TypeScript a bootstrap comes first that makes it loadable.
 */
const moduleOf = (entry: URL): URL =>
  import.meta.url.endsWith('.js')
    ? new URL(entry.href.replace(/\.ts$/, '.js'))
    : new URL('./worker-bootstrap.mjs', import.meta.url)

/** The thread's side: its data, its messages, and when to end. */
export interface WorkerLink<Data, Request, Answer> {
  readonly data: Data
  readonly post: (message: Answer) => void
  /** Receives messages from now on; `stop` is called once, when the thread should end. */
  readonly listen: (onMessage: (message: Request) => void, stop: () => void) => void
  /** Lets the thread end once nothing else keeps it. */
  readonly close: () => void
}

export const workerLink = <Data, Request, Answer>(): WorkerLink<Data, Request, Answer> => {
  const port = parentPort
  if (port === null) throw new Error('this module runs in a worker thread only')
  return {
    data: (workerData as Envelope<Data>).data,
    post: (message) => port.postMessage(message),
    listen: (onMessage, stop) => {
      port.on('message', (message: Request | typeof stopRequest) => {
        if (message === stopRequest) stop()
        else onMessage(message)
      })
    },
    close: () => port.close()
  }
}
