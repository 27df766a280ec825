/** How commands of an operator open tables: where the settings say, with nobody who watches. */
import { randomUUID } from 'node:crypto'
import type { Config } from '../../adapters/config/config.ts'
import { dataFolderAt, type TableContext } from '../storage/data-folder.ts'
import { storageSettingsOf } from '../storage/stores.ts'

export const tableContextOf = (config: Config): TableContext => ({
  folder: dataFolderAt(config.dataDir),
  storage: storageSettingsOf(config),
  snapshotsMax: config.snapshotsMax,
  nowMs: Date.now,
  uuid: randomUUID,
  observe: () => undefined
})
