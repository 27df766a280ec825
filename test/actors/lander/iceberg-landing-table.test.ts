import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterEach, expect, test } from 'vitest'
import { makeIcebergLandingTable } from '../../../src/actors/lander/iceberg-landing-table.ts'
import { tradesSpec } from '../../../src/actors/data-types.ts'
import { dataFolderAt, openTable } from '../../../src/actors/storage/data-folder.ts'
import type { Table } from '../../../src/adapters/iceberg/table.ts'

const root = mkdtempSync(join(tmpdir(), 'k2-landing-'))
afterEach(() => rmSync(root, { recursive: true, force: true }))

const states = () =>
  readdirSync(root, { recursive: true }).filter((name) => String(name).endsWith('.bin'))

/** What a commit leaves behind that ends as the test says. */
const commitWith = async (swap: Table['ports']['catalog']['swap'] | 'fence') => {
  const program = Effect.gen(function* () {
    const table = yield* openTable(tradesSpec, {
      folder: dataFolderAt(root),
      snapshotsMax: 10,
      nowMs: Date.now,
      uuid: randomUUID,
      observe: () => undefined
    })
    const ports =
      swap === 'fence' ? table.ports : { ...table.ports, catalog: { ...table.ports.catalog, swap } }
    const landing = makeIcebergLandingTable({
      table: { ...table, ports },
      // No row is written, so there is nothing to ask it for.
      writer: undefined as never,
      logIdentity: 'log-1',
      topic: 'trades',
      partitionCount: 1,
      onRemoved: () => undefined
    })
    const statePath = yield* landing.writeState(0, Buffer.from('{}'))
    const fromOffset = swap === 'fence' ? 7 : null
    const advances = [{ partition: 0, fromOffset, nextOffset: 8, statePath }]
    return yield* Effect.exit(landing.commit({ commitId: randomUUID(), files: [], advances }))
  })
  return Effect.runPromise(program)
}

test('what a fenced attempt has written is removed', async () => {
  expect(await commitWith('fence')).toMatchObject({ value: { kind: 'fenced' } })
  expect(states()).toEqual([])
})

test('what an attempt of unknown outcome has written is kept (R19)', async () => {
  const unknown = () => Effect.fail({ _tag: 'SwapUnknown', message: 'no answer' } as const)
  expect((await commitWith(unknown))._tag).toBe('Failure')
  expect(states()).toHaveLength(1)
})
