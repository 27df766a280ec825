/** A local path of a stored file, for DuckDB, which reads the local disk only. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { removeFile, writeFile } from '../../adapters/disk/folders.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import { filePath } from '../../adapters/object-store/local-files.ts'

/** Where the examination keeps what it needs for a while: never in the data folder. */
export const temporaryFolder = tmpdir()

/** The file itself, or a copy of it that is removed after `use`. */
export const withLocalCopy = <A, E>(
  { ports }: Table,
  location: string,
  use: (path: string) => Effect.Effect<A, E>
) => {
  if (location.startsWith('file:')) return use(filePath(location))
  const path = join(temporaryFolder, `k2-${ports.ids.uuid()}.parquet`)
  return Effect.flatMap(ports.files.read(location), (bytes) => writeFile(path, bytes)).pipe(
    Effect.andThen(Effect.suspend(() => use(path))),
    Effect.ensuring(Effect.ignore(removeFile(path)))
  )
}
