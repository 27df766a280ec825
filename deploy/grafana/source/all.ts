/** The dashboards, by the names of their files. */
import { api } from './api.ts'
import type { Dashboard } from './dashboard.ts'
import { overview } from './overview.ts'
import { pipeline } from './pipeline.ts'
import { queries } from './queries.ts'
import { resilience } from './resilience.ts'
import { storage } from './storage.ts'

export const dashboards: Readonly<Record<string, Dashboard>> = {
  overview,
  resilience,
  pipeline,
  storage,
  queries,
  api
}
