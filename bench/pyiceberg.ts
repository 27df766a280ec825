/** PyIceberg's append, as often as it is asked for (`pyiceberg_appends.py`). */
import { join } from 'node:path'
import { LineProcess } from './line-process.ts'
import { projectRoot } from './workspace.ts'

export class PyIcebergAppends {
  readonly #process: LineProcess

  /** @param python an interpreter that has PyIceberg with its SQL catalog */
  constructor(python: string, metadataFile: string, folder: string) {
    const script = join(projectRoot, 'bench', 'pyiceberg_appends.py')
    this.#process = new LineProcess('PyIceberg', python, [script, metadataFile, folder])
  }

  /** The rows of each batch that it can append. */
  async ready(): Promise<readonly number[]> {
    return (await this.#process.answer<{ readonly rows: readonly number[] }>()).rows
  }

  /** Milliseconds of each append. */
  append(count: number): Promise<readonly number[]> {
    return this.#process.ask(`append ${count}`)
  }

  check(): Promise<{ readonly rows: number; readonly snapshots: number }> {
    return this.#process.ask('check')
  }

  end(): Promise<void> {
    return this.#process.end()
  }
}
