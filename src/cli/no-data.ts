/** Commands that work on a data folder do not make one: a name that is mistyped is told. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Given } from './command-line.ts'

/** Why there is nothing to work on; undefined where there may be something. */
export const noDataFolder = ({ config }: Given): string | undefined =>
  // Of a catalog elsewhere the tables are there, whatever this machine has.
  config.icebergCatalogUri !== undefined || existsSync(config.dataDir)
    ? undefined
    : `there is no data folder ${resolve(config.dataDir)}: name one by --data-dir`
