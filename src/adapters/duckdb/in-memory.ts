/** A DuckDB in memory that writes files: no extension, and times in UTC. */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'

interface InMemoryOptions {
  /** DuckDB worker threads; 1 beside a live main thread. */
  readonly threads: number
  readonly memoryBytesMax: number
  /** Where DuckDB spills what exceeds its memory. */
  readonly tempDirectory: string
  /** At least one. */
  readonly connections: number
}

interface InMemory {
  readonly instance: DuckDBInstance
  readonly connections: readonly [DuckDBConnection, ...DuckDBConnection[]]
}

export const connectInMemory = async (options: InMemoryOptions): Promise<InMemory> => {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: `${Math.floor(options.memoryBytesMax / 2 ** 20)}MiB`,
    temp_directory: options.tempDirectory,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false'
  })
  const connect = async (): Promise<DuckDBConnection> => {
    const connection = await instance.connect()
    await connection.run("SET TimeZone = 'UTC'")
    return connection
  }
  const connections: [DuckDBConnection, ...DuckDBConnection[]] = [await connect()]
  while (connections.length < options.connections) connections.push(await connect())
  return { instance, connections }
}

export const closeInMemory = ({ instance, connections }: InMemory): void => {
  for (const connection of connections) connection.closeSync()
  instance.closeSync()
}

/**
 * Whether DuckDB failed of a file: the disk is full, or a device does not answer. It gives errors
 * no code; their text begins with their kind.
 */
export const isIoError = (cause: unknown): boolean =>
  cause instanceof Error && cause.message.startsWith('IO Error')
