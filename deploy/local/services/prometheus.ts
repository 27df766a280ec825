/**
 * Prometheus from Debian's package, reading K2's metrics, and its own, with the rules of
 * `deploy/prometheus`. It looks every second: here faults last seconds.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianPackage, ensureDebianPackages } from '../install/debian-packages.ts'
import { askHttp } from '../readiness.ts'
import type { ServiceSpec } from './service-spec.ts'

export interface PrometheusAddress {
  readonly port: number
  readonly url: string
  /** Host and port of K2's HTTP server. */
  readonly metricsAddress: string
}

const program = '/usr/bin/prometheus'
const rules = fileURLToPath(new URL('../../prometheus/rules', import.meta.url))
const readyMsMax = 60_000
const stopMsMax = 10_000

export const prometheusSpec = (folder: string, address: PrometheusAddress): ServiceSpec => ({
  name: 'prometheus',
  service: 'prometheus',
  folder,
  ports: [address.port],
  prepare: async () => {
    await ensureDebianPackages([debianPackage('prometheus', program)])
    await mkdir(folder, { recursive: true })
    const settings = join(folder, 'prometheus.yml')
    await writeFile(settings, prometheusSettings(address))
    const args = [
      `--config.file=${settings}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--storage.tsdb.retention.time=7d',
      '--storage.tsdb.retention.size=1GB',
      `--web.listen-address=127.0.0.1:${address.port}`
    ]
    return { program, args }
  },
  notReadyBecause: async () => askHttp(`${address.url}/-/ready`),
  readyMsMax,
  stopSignal: 'SIGTERM',
  stopMsMax
})

const prometheusSettings = ({ port, metricsAddress }: PrometheusAddress): string => `global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: ['${rules}/*.yml']
scrape_configs:
  - job_name: k2
    static_configs:
      - targets: ['${metricsAddress}']
  - job_name: prometheus
    static_configs:
      - targets: ['127.0.0.1:${port}']
`
