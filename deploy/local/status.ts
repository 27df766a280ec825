/** What a stack's processes do now, for people and for programs. */
import { readFile } from 'node:fs/promises'
import type { Addresses } from './addresses.ts'
import type { ServiceCondition } from './service-process.ts'
import type { Stack } from './stack.ts'

interface ServiceStatus {
  readonly name: string
  readonly condition: ServiceCondition
  readonly pid: number | undefined
  readonly memoryMiB: number | undefined
  readonly ports: readonly number[]
}

export interface StackStatus {
  readonly folder: string
  readonly addresses: Addresses
  readonly services: readonly ServiceStatus[]
}

export const statusJson = async (stack: Stack): Promise<StackStatus> => ({
  folder: stack.folder,
  addresses: stack.addresses,
  services: await Promise.all(
    stack.processes.map(async (service) => {
      const pid = await service.pid()
      return {
        name: service.name,
        condition: await service.condition(),
        pid,
        memoryMiB: pid === undefined ? undefined : await memoryMiBOf(pid),
        ports: service.spec.ports
      }
    })
  )
})

export const statusLines = async (stack: Stack): Promise<readonly string[]> => {
  const { services, addresses } = await statusJson(stack)
  const rows = services.map(({ name, condition, pid, memoryMiB, ports }) => [
    name,
    condition,
    pid === undefined ? '' : String(pid),
    memoryMiB === undefined ? '' : `${memoryMiB} MiB`,
    ports.join(' ')
  ])
  return [
    ...tableLines([['service', 'condition', 'pid', 'memory', 'ports'], ...rows]),
    '',
    ...tableLines(Object.entries(addresses).map(([name, value]) => [name, addressText(value)])),
    '',
    'passwords: npm run stack -- status --json'
  ]
}

/** Without what is secret or long. */
const addressText = (value: string | Readonly<Record<string, unknown>>): string => {
  if (typeof value === 'string') return value
  return Object.entries(value)
    .filter(([key]) => !/password|secret/i.test(key))
    .map(([, part]) => String(part))
    .join('  ')
}

const tableLines = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  )
  return rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()
  )
}

/** Resident memory. Undefined when the process has ended meanwhile. */
const memoryMiBOf = async (pid: number): Promise<number | undefined> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kiB = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  return kiB === undefined ? undefined : Math.round(Number(kiB) / 1_024)
}
