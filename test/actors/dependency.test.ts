import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { isPassing, markDependency } from '../../src/actors/dependency.ts'
import { FolderFailed } from '../../src/adapters/disk/folders.ts'
import { MinutesWriteFailed } from '../../src/adapters/duckdb/minutes-writer.ts'
import { FileNotCached } from '../../src/adapters/object-store/file-cache.ts'
import { SchemaMismatch, TableUnreadable } from '../../src/adapters/iceberg/errors.ts'

test('a store that is unavailable is a dependency; a wrong schema is not (R14)', async () => {
  const away = new TableUnreadable({ location: 'file:///t', reason: 'read failed (EIO)' })
  const marked = await Effect.runPromise(Effect.flip(markDependency(Effect.fail(away))))
  expect(marked).toMatchObject({ tag: 'TableUnreadable', isDependency: true, cause: away })
  const wrong = new SchemaMismatch({ table: 't', field: 'f', reason: 'is missing' })
  expect(await Effect.runPromise(Effect.flip(markDependency(Effect.fail(wrong))))).toBe(wrong)
  expect(isPassing(new FolderFailed({ path: '/', detail: 'EACCES' }))).toBe(true)
  expect(isPassing(undefined)).toBe(false)
})

test('a full disk is a dependency, for copies and for files that DuckDB writes', () => {
  const detail = 'ENOSPC: no space left on device, write'
  expect(isPassing(new FileNotCached({ location: 's3://b/f', detail }))).toBe(true)
  const failedOf = (message: string) =>
    new MinutesWriteFailed({ step: 'copy', cause: new Error(message) })
  expect(isPassing(failedOf('IO Error: Could not write file: No space left on device'))).toBe(true)
  expect(isPassing(failedOf('Binder Error: Referenced column "x" not found'))).toBe(false)
})
