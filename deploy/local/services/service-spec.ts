/** What the stack has to know of a service to run it. */

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Who runs it, for servers that refuse to be run by root. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

export const serviceNames = [
  'kafka',
  's3',
  'postgres',
  'catalog',
  'registry',
  'prometheus'
] as const

export type ServiceName = (typeof serviceNames)[number]

/** One process. Kafka has one a broker, every other service has one. */
export interface ServiceSpec {
  /** For people: `kafka-2`, `s3`. */
  readonly name: string
  readonly service: ServiceName
  /** Its data and settings; it exists before `prepare`. */
  readonly folder: string
  readonly ports: readonly number[]
  /** Installs and lays out what is missing, and says how to start it. May be called again. */
  readonly prepare: () => Promise<Command>
  /** Undefined when it serves; else why not yet. The log begins where this process began. */
  readonly notReadyBecause: (log: () => Promise<string>) => Promise<string | undefined>
  readonly readyMsMax: number
  readonly stopSignal: NodeJS.Signals
  readonly stopMsMax: number
}
