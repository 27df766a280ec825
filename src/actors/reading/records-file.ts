/** Records as a Parquet file: written by the query engine, and gone once it is sent. */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import type { ApiDeps, ApiFault } from '../../adapters/http/api-deps.ts'
import { FolderFailed, removeFile } from '../../adapters/disk/folders.ts'
import { openPassingFile } from '../../adapters/disk/passing-file.ts'
import type { RecordsQuery } from '../../adapters/query/records-query.ts'
import type { Shared } from '../shared.ts'

export const recordsFile = (
  { folder, uuid }: Pick<Shared, 'folder' | 'uuid'>,
  query: RecordsQuery<ApiFault>,
  asked: Parameters<ApiDeps['recordsFile']>[1]
): ReturnType<ApiDeps['recordsFile']> =>
  Effect.suspend(() => {
    const path = join(folder.temporary, `answer-${uuid()}.parquet`)
    return query.file(asked, path).pipe(
      Effect.flatMap((page) =>
        page.isKnown
          ? Effect.succeed({ ...page, bytes: 0, body: new Blob([]).stream() })
          : Effect.map(openFile(path), (file) => ({ ...page, ...file }))
      ),
      Effect.onError(() => Effect.ignore(removeFile(path)))
    )
  })

const openFile = (path: string) =>
  Effect.tryPromise({
    try: () => openPassingFile(path),
    catch: (error) => new FolderFailed({ path, detail: String(error) })
  })
