import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { frameLetters } from '../../../src/actors/ingest/feed-telemetry.ts'
import { makeShared } from '../../../src/actors/shared.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { DeadLetterLogFailed } from '../../../src/adapters/dead-letters/dead-letter-log.ts'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'

test('a frame whose letter cannot be written costs itself only', async () => {
  const lines: string[] = []
  const telemetry = makeTelemetry({
    level: 'info',
    nowMs: Date.now,
    write: (line) => lines.push(line)
  })
  const config = readConfig({}, [])
  const shared = makeShared({ config, telemetry, nowMs: Date.now, uuid: randomUUID })
  const letter = {
    reason: 'binary' as const,
    bytes: Buffer.from('noise'),
    frameBytes: 5,
    receivedUs: 0
  }
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const refused = new DeadLetterLogFailed({ detail: 'ENOSPC' })
        yield* shared.deadLetters.serve({ write: () => Effect.fail(refused) })
        yield* frameLetters(shared, 'feed').offer(letter)
      })
    )
  )
  expect(lines.join('')).toContain('ENOSPC')
  expect((await telemetry.exposition()).body).not.toContain('k2_dead_letters_total{')
})
