/**
 * A process that appends to a log until it is killed: `log-writer-process.ts DIRECTORY SEED`.
 * Prints `ready`, then one line per acknowledged append: base offset, record count, values' common
 * text.
 */
import * as Effect from 'effect/Effect'
import { openEmbeddedLog } from '../../../src/adapters/log/embedded-log.ts'
import { nodeFiles, systemClock } from '../../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../../src/adapters/log/node-process.ts'
import { PackedRecordsBuilder } from '../../../src/adapters/log/record-batch.ts'
import { seededRandom } from '../../../chaos/simulation/simulated-files.ts'

const [directory = '', seed = '0'] = process.argv.slice(2)
const topic = 'market.crypto.trades.test'
const lanes = 4

const program = Effect.gen(function* () {
  const log = yield* openEmbeddedLog({
    directory,
    files: nodeFiles,
    clock: systemClock,
    process: yield* Effect.promise(nodeProcess),
    topics: { [topic]: 1 },
    neverBelow: [],
    limits: { segmentBytes: 256 * 1024, flushBytes: 32 * 1024, flushDelayMs: 2 },
    observe: () => undefined
  })
  process.stdout.write('ready\n')
  const lane = (name: number) =>
    Effect.gen(function* () {
      const random = seededRandom(Number(seed) + name)
      const builder = new PackedRecordsBuilder()
      for (let count = 0; ; count++) {
        const records = 1 + Math.floor(random() * 5)
        const text = `${process.pid}-${name}-${count}-`.padEnd(Math.floor(random() * 4_000), '.')
        for (let index = 0; index < records; index++) builder.add('BTCUSDT', Buffer.from(text))
        const packed = builder.take('0123456789abcdef')
        const { baseOffset } = yield* log.append(topic, 0, packed)
        builder.recycle(packed)
        process.stdout.write(`${baseOffset} ${records} ${text};\n`)
      }
    })
  yield* Effect.all(Array.from({ length: lanes }, (_, name) => lane(name)), { concurrency: lanes })
})

await Effect.runPromise(Effect.scoped(program))
