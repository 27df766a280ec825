/** What record 2 of the decisions rests on, with the kafkajs that is installed. */
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

interface Sent {
  readonly acknowledged: readonly string[]
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
}

test('kafkajs acknowledges a batch that is lost where it is idempotent, and none where not', () => {
  const output = execFileSync(process.execPath, ['docs/examples/kafkajs-lost-ack.mjs'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] }
  })
  const { idempotent, notIdempotent } = JSON.parse(output) as Readonly<Record<string, Sent>>
  expect(idempotent).toMatchObject({ acknowledged: ['A', 'B', 'C', 'D'], lost: ['B'] })
  expect(notIdempotent).toMatchObject({ acknowledged: ['A', 'B', 'C', 'D'], lost: [] })
})
