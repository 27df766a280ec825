/** Writes `deploy/grafana/dashboards` from `deploy/grafana/source`: `npm run generate`. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dashboards } from '../deploy/grafana/source/all.ts'
import { grafanaJson } from '../deploy/grafana/source/dashboard.ts'

for (const [name, dashboard] of Object.entries(dashboards)) {
  const file = new URL(`../deploy/grafana/dashboards/${name}.json`, import.meta.url)
  writeFileSync(fileURLToPath(file), grafanaJson(dashboard))
}
