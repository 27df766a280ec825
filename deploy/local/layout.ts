/**
 * What a stack's folder says about it: noted once, in `stack.json`, so that whoever comes later
 * starts the same services again on the same data, ports and passwords.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { portsFromMax, portsFromMin } from './ports.ts'
import type { KafkaOptions } from './services/kafka-properties.ts'
import { StackProblem } from './stack-problem.ts'

export interface Layout {
  readonly version: 1
  readonly portsFrom: number
  readonly brokers: 1 | 3
  readonly kafka: KafkaOptions
  /** Host and port where Prometheus finds K2's metrics. */
  readonly metricsAddress: string
  readonly clusterId: string
  readonly secrets: {
    readonly kafka: string
    readonly s3: string
    readonly postgres: string
  }
}

/** What may be asked for; what is not keeps what the folder says, or the default. */
export interface LayoutOptions {
  readonly portsFrom?: number | undefined
  readonly brokers?: 1 | 3 | undefined
  readonly kafka?: KafkaOptions | undefined
  readonly metricsAddress?: string | undefined
}

const layoutFile = (folder: string): string => join(folder, 'stack.json')

export const readLayout = async (folder: string): Promise<Layout | undefined> => {
  let text: string
  try {
    text = await readFile(layoutFile(folder), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return parseLayout(text, layoutFile(folder))
}

/** Throws for a text that is none of ours, or from another version of this file. */
export const parseLayout = (text: string, file: string): Layout => {
  const remedy = 'end its processes, remove the folder and bring the stack up anew'
  let layout: Partial<Layout>
  try {
    layout = JSON.parse(text) as Partial<Layout>
  } catch (error) {
    throw new StackProblem(`${file} is no JSON: ${remedy}`, { cause: error })
  }
  const isWhole =
    layout.version === 1 &&
    typeof layout.portsFrom === 'number' &&
    (layout.brokers === 1 || layout.brokers === 3) &&
    typeof layout.secrets === 'object'
  if (!isWhole) throw new StackProblem(`${file} is of another version: ${remedy}`)
  return layout as Layout
}

export const writeLayout = async (folder: string, layout: Layout): Promise<void> => {
  await mkdir(folder, { recursive: true })
  const file = layoutFile(folder)
  // It has passwords in it.
  await writeFile(`${file}.new`, `${JSON.stringify(layout, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/**
 * A Kafka UUID. One that begins with a dash, as one in 64 does, is taken for a flag by Kafka's own
 * tools; Kafka makes none of those either (`Uuid.randomUuid`).
 */
export const newClusterId = (random: (bytes: number) => Buffer = randomBytes): string => {
  for (;;) {
    const id = random(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

/** The layout of a new folder. */
export const newLayout = (options: LayoutOptions & { readonly portsFrom: number }): Layout =>
  checked({
    version: 1,
    portsFrom: options.portsFrom,
    brokers: options.brokers ?? 1,
    kafka: options.kafka ?? {},
    metricsAddress: options.metricsAddress ?? '127.0.0.1:8000',
    clusterId: newClusterId(),
    secrets: { kafka: newSecret(), s3: newSecret(), postgres: newSecret() }
  })

/** The layout of a folder that has one, as it is wanted now. */
export const changedLayout = (layout: Layout, options: LayoutOptions): Layout => {
  const { portsFrom, brokers, kafka, metricsAddress } = options
  if (brokers !== undefined && brokers !== layout.brokers) {
    throw new StackProblem(
      `brokers: this stack was made with ${layout.brokers}, and Kafka's voters are fixed; ` +
        'remove the folder or choose another'
    )
  }
  return checked({
    ...layout,
    portsFrom: portsFrom ?? layout.portsFrom,
    kafka: kafka ?? layout.kafka,
    metricsAddress: metricsAddress ?? layout.metricsAddress
  })
}

const checked = (layout: Layout): Layout => {
  const { portsFrom, brokers, kafka } = layout
  if (!Number.isInteger(portsFrom) || portsFrom < portsFromMin || portsFrom > portsFromMax) {
    throw new StackProblem(
      `portsFrom is ${portsFrom}: allowed are whole numbers from ${portsFromMin} to ${portsFromMax}`
    )
  }
  if (kafka.proxied !== undefined && kafka.proxied.length !== brokers) {
    throw new StackProblem(
      `proxied has ${kafka.proxied.length} addresses for ${brokers} brokers: give one a broker`
    )
  }
  return layout
}

/** Letters and digits only: it stands in settings of many syntaxes. */
const newSecret = (): string => randomBytes(16).toString('hex')
